//! When each thing happened to an entry.

use serde::{Deserialize, Serialize};

/// When each thing happened to an entry on its way from the submission to whoever watches, in
/// microseconds since 1970-01-01 UTC. What has not happened yet is absent.
///
/// The times come from the clock of the machine that did the thing: the server's for `accepted`,
/// `recorded` and `delivered`, the Board's for `announced`, `claimed` and `posted`, the worker's for
/// `computed`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Timeline {
    /// The server read the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_us: Option<u64>,
    /// The index is in the Record; from here on it cannot be lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded_us: Option<u64>,
    /// It stands on the pending list and the workers were woken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announced_us: Option<u64>,
    /// A worker took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed_us: Option<u64>,
    /// The worker had the number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub computed_us: Option<u64>,
    /// The number stands on the Board.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub posted_us: Option<u64>,
    /// A server checked it, copied it into the Record and told everybody who watches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered_us: Option<u64>,
}

impl Timeline {
    /// The stations in order, with their names.
    #[must_use]
    pub const fn stations(&self) -> [(&'static str, Option<u64>); 7] {
        [
            ("accepted", self.accepted_us),
            ("recorded", self.recorded_us),
            ("announced", self.announced_us),
            ("claimed", self.claimed_us),
            ("computed", self.computed_us),
            ("posted", self.posted_us),
            ("delivered", self.delivered_us),
        ]
    }
}
