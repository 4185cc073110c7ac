//! Who computes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Names one start of one worker process. Never used again, so that a lease of a dead worker cannot
/// be mistaken for one of its successor.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(description = "Name of a worker, unique per process start."))]
#[serde(transparent)]
pub struct WorkerId(String);

impl WorkerId {
    /// Takes a name that is unique per process start.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name as text.
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
