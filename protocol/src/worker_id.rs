//! The identity of a worker.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Identifies one start of one worker process. It is never reused, so that a dead worker's lease
/// cannot be mistaken for its successor's.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(description = "Name of a worker, unique per process start."))]
#[serde(transparent)]
pub struct WorkerId(String);

impl WorkerId {
    /// Wraps a name that is unique per process start.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
