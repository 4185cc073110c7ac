//! News of an entry, for everybody who watches.

use serde::{Deserialize, Serialize};

use crate::Entry;

/// What happened to an entry.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// Someone submitted it, or the reason why it is pending changed.
    Submitted,
    /// A worker took it, or came further with it.
    Computing,
    /// Its value is known.
    Done,
    /// It was given up.
    Failed,
}

impl EventKind {
    /// Every kind, in the order in which they come.
    pub const ALL: [Self; 4] = [Self::Submitted, Self::Computing, Self::Done, Self::Failed];

    /// The name of the server-sent event.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Computing => "computing",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// News of an entry: what happened and the entry as it is now, which carries its revision.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The entry after it happened.
    pub entry: Entry,
}
