//! Changes of an entry, as watchers receive them.

use serde::{Deserialize, Serialize};

use crate::entry::Entry;

/// Kind of change.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// The index was submitted, or was found on the Board and recorded.
    Submitted,
    /// A worker claimed the index or reported progress.
    Computing,
    /// The value is known.
    Done,
    /// The index failed for good.
    Failed,
    /// A wrong result was rejected; the index is pending again, and the entry gives the reason.
    ///
    /// Earlier versions ignore this kind: their pages don't listen for it, and their servers skip a
    /// [`Notice`](crate::Notice) of an unknown kind.
    Rejected,
}

impl EventKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Submitted, Self::Computing, Self::Done, Self::Failed, Self::Rejected];

    /// Returns the name of the server-sent event.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Computing => "computing",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
        }
    }
}

/// A change of an entry.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Event {
    /// Kind of change.
    pub kind: EventKind,
    /// The entry after the change. Its revision orders events, which may arrive out of order.
    pub entry: Entry,
}
