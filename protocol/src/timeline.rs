//! The times at which an entry passed each step.

use serde::{Deserialize, Serialize};

/// The times at which an entry passed each step on its way from the submission to everyone watching,
/// in microseconds since 1970-01-01 UTC. A step that has not happened yet is absent.
///
/// Each time comes from the clock of the machine that took the step: the server for `accepted`,
/// `recorded` and `delivered`, the Board for `announced`, `claimed` and `posted`, the worker for
/// `computed`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Timeline {
    /// The server received the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_us: Option<u64>,
    /// The index was saved in the Record; from then on it cannot be lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded_us: Option<u64>,
    /// The index was added to the pending list and the workers were notified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announced_us: Option<u64>,
    /// A worker claimed the index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed_us: Option<u64>,
    /// The worker finished computing the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub computed_us: Option<u64>,
    /// The value was written to the Board.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub posted_us: Option<u64>,
    /// A server verified the value, saved it in the Record and sent it to everyone watching.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered_us: Option<u64>,
}

impl Timeline {
    /// Returns the name and time of each step, in order.
    #[must_use]
    pub const fn steps(&self) -> [(&'static str, Option<u64>); 7] {
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
