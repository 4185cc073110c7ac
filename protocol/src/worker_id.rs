//! The identity of a worker.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::bounded_text::bounded;

/// Identifies one start of one worker process. It is never reused, so that a dead worker's lease
/// cannot be mistaken for its successor's.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(description = "Name of a worker, unique per process start."))]
#[serde(from = "String", into = "String")]
pub struct WorkerId(String);

/// Maximum length of a name, in characters. Names are logged and shown, and anyone with access to Redis can write one.
const MAX_CHARS: usize = 128;

impl WorkerId {
    /// Wraps a name that is unique per process start. A name that is longer than any of ours is truncated.
    #[must_use]
    pub fn new(name: impl AsRef<str>) -> Self {
        Self(bounded(name.as_ref(), MAX_CHARS))
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for WorkerId {
    fn from(name: String) -> Self {
        Self::new(&name)
    }
}

impl From<WorkerId> for String {
    fn from(worker: WorkerId) -> Self {
        worker.0
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
