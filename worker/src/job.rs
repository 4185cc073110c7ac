//! What is computed.

use std::ops::ControlFlow;

use protocol::Index;

/// Why there is no result.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum JobError {
    /// `progress` asked for it.
    #[error("the computation was stopped")]
    Stopped,
    /// It can't be done, for this reason.
    #[error("{0}")]
    Failed(String),
}

/// What a worker computes. A team with another job writes another one of these.
pub trait Job: Send + Sync + 'static {
    /// Computes one index, on a thread of its own. `progress` takes the share done, 0.0 to 1.0; when
    /// it answers [`ControlFlow::Break`] the computation ends soon, with [`JobError::Stopped`].
    ///
    /// # Errors
    /// There is no result. Other than [`JobError::Stopped`] it counts as a failed attempt, as does a
    /// panic.
    fn compute(
        &self,
        index: Index,
        progress: &mut dyn FnMut(f64) -> ControlFlow<()>,
    ) -> Result<String, JobError>;
}

/// The Fibonacci number of the index.
#[derive(Clone, Copy, Debug, Default)]
pub struct FibJob;

impl Job for FibJob {
    fn compute(
        &self,
        index: Index,
        progress: &mut dyn FnMut(f64) -> ControlFlow<()>,
    ) -> Result<String, JobError> {
        fib::compute(index.get(), progress).map_err(|fib::Stopped| JobError::Stopped)
    }
}
