//! Everything the system must know about a job. Nothing here is about Fibonacci numbers, so a fork copies
//! this file unchanged.

use std::{error::Error, fmt, num::NonZero, ops::ControlFlow, thread, time::Duration};

/// Callback of a computation. It takes the share of the work done, from 0.0 to 1.0, and stops the
/// computation by returning [`ControlFlow::Break`].
pub type Progress<'a> = &'a mut dyn FnMut(f64) -> ControlFlow<()>;

/// A job: a function from an index to a text, and everything the system must know to run it.
///
/// All functions are pure and never panic on any index or text.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// Name of the values, in the plural: `Fibonacci numbers`.
    pub name: &'static str,
    /// One or two sentences for `--help` and the API's documentation.
    pub description: &'static str,
    /// Formats an index the way people write it: `F(7)`.
    pub notation: fn(index: u32) -> String,
    /// The lowest index that has a value.
    pub lowest_index: u32,
    /// The highest index accepted unless the setting `MAX_INDEX` says otherwise.
    pub default_max_index: u32,
    /// Computes a value, on up to so many threads. Calls back at least ten times per second, so that the
    /// computation can be stopped and its progress shown.
    pub compute: fn(index: u32, threads: NonZero<usize>, progress: Progress<'_>) -> Result<String, JobError>,
    /// Estimated duration of `compute` on one core. Must not fall as the index rises. Long computations do not delay
    /// short ones.
    pub compute_cost: fn(index: u32) -> Duration,
    /// Returns true if the text is the value of the index. Must accept everything that `compute`
    /// returns; may accept wrong texts if the job has no cheap check.
    pub verify: fn(index: u32, value: &str) -> bool,
    /// Estimated duration of one call of `verify`. Longer calls leave the asynchronous threads.
    pub verify_cost: fn(index: u32, value: &str) -> Duration,
    /// Upper bound of the memory in bytes that `compute` allocates, its result included. Must not
    /// fall as the index rises.
    pub memory_bytes: fn(index: u32) -> u64,
    /// A known value, for smoke tests.
    pub sample: Sample,
}

/// An index and its value.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// The index.
    pub index: u32,
    /// Value of the index.
    pub value: &'static str,
}

/// Reason a computation ended without a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum JobError {
    /// The progress callback stopped it. This does not count as an attempt.
    Stopped,
    /// This attempt failed, for this reason. The system retries a few times.
    Failed(String),
    /// The index has no value, for this reason. The system does not retry.
    Impossible(String),
}

impl Job {
    /// Returns a function that computes values on up to so many threads each.
    pub fn on(
        self,
        threads: NonZero<usize>,
    ) -> impl Fn(u32, Progress<'_>) -> Result<String, JobError> + Send + Sync + 'static {
        move |index, progress| (self.compute)(index, threads, progress)
    }

    /// Computes the value of an index on all cores, without reporting progress.
    ///
    /// # Errors
    /// [`JobError::Failed`] or [`JobError::Impossible`].
    pub fn value(&self, index: u32) -> Result<String, JobError> {
        let threads = thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        (self.compute)(index, threads, &mut |_| ControlFlow::Continue(()))
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("the computation was stopped"),
            Self::Failed(reason) | Self::Impossible(reason) => f.write_str(reason),
        }
    }
}

impl Error for JobError {}
