#![doc = include_str!("../README.md")]

mod crew;
mod digit_count;
mod digits;
mod doubling;
mod exact;
mod job;
mod memory;
mod modular;
mod progress;
mod residues;
mod small;
mod text;
mod transform;
mod verify;

use std::{num::NonZero, time::Duration};

use pulp::Arch;

pub use digit_count::digit_count;
pub use job::{Job, JobError, Progress, Sample};
pub use memory::memory_bytes;
pub use verify::verify;

use crew::Crew;
use digits::Base;
use doubling::Multiply;
use exact::Exact;
use progress::Reporter;
use residues::Residues;
use transform::Transform;

/// The highest index that is computed by school multiplication.
const LAST_SMALL: u32 = 16_500;

/// The job that this crate does.
pub const JOB: Job = Job {
    name: "Fibonacci numbers",
    description: "F(n) is the n-th Fibonacci number: F(0) = 0, F(1) = 1, and each further number is the sum \
                  of the two before it (OEIS A000045).",
    notation: |n| format!("F({n})"),
    lowest_index: 0,
    default_max_index: 10_000_000,
    compute,
    // Measured: 1.4 ms for F(1,000,000), 14 ms for F(10,000,000), 190 ms for F(100,000,000).
    compute_cost: |n| Duration::from_nanos(2 * u64::from(n)),
    verify,
    // Measured: 0.2 ms for the 208,988 digits of F(1,000,000).
    verify_cost: |_, value| Duration::from_nanos(value.len() as u64),
    memory_bytes,
    sample: Sample {
        index: 1_000,
        value: "434665576869374564356885276750406258025646605173717804024817290895365554179490518904038798\
                400792551692959225930803226347752096896232398733224711616429964409065331879382989696499285\
                16003704476137795166849228875",
    },
};

/// Computes F(n) as decimal digits, on up to so many threads. A small index uses only one.
///
/// `progress` is called by the calling thread with the share of the work done, from 0.0 at the start to 1.0 at the
/// end, never decreasing, at most about a thousand times. The computation stops soon after `progress` returns
/// [`Break`](std::ops::ControlFlow::Break).
///
/// Every result above F(16,500) is checked modulo two primes before it is returned, as [`verify`] does.
///
/// # Errors
///
/// [`JobError::Stopped`], if `progress` stopped it; [`JobError::Failed`], if a result failed the check and so did one
/// from an exact computation, which means that the processor or the memory is faulty.
///
/// # Examples
///
/// ```
/// use std::{num::NonZero, ops::ControlFlow, thread};
///
/// let threads = thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
/// let digits = fib::compute(100, threads, &mut |_| ControlFlow::Continue(()));
/// assert_eq!(digits.as_deref(), Ok("354224848179261915075"));
///
/// // Stops half-way.
/// let mut last_share = 0.0;
/// let stopped = fib::compute(1_000_000, threads, &mut |share| {
///     last_share = share;
///     if share < 0.5 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
/// });
/// assert_eq!(stopped, Err(fib::JobError::Stopped));
/// assert!((0.5..0.6).contains(&last_share));
/// ```
pub fn compute(n: u32, threads: NonZero<usize>, progress: Progress<'_>) -> Result<String, JobError> {
    let mut crew = Crew::new(threads.get(), Reporter::start(progress)?);
    let text = if n <= LAST_SMALL {
        small::fibonacci(n)
    } else {
        let length = doubling::product_length(n, Base::of_index(n));
        let transform = Transform::new(Arch::new(), length, threads.get());
        checked(n, transform, &mut crew)?
    };
    crew.finish()?;
    Ok(text)
}

/// Computes F(n) with exact multiplications only, on one thread: many times slower than [`compute`], which does the
/// same if a result fails its check.
///
/// # Errors
///
/// As for [`compute`].
///
/// # Examples
///
/// ```
/// let digits = fib::compute_exactly(20_000, &mut |_| std::ops::ControlFlow::Continue(()))?;
/// assert!(fib::verify(20_000, &digits));
/// # Ok::<(), fib::JobError>(())
/// ```
pub fn compute_exactly(n: u32, progress: Progress<'_>) -> Result<String, JobError> {
    let mut crew = Crew::new(1, Reporter::start(progress)?);
    let text = if n <= LAST_SMALL { small::fibonacci(n) } else { exactly(n, &mut crew)? };
    crew.finish()?;
    Ok(text)
}

/// Computes F(n) with a multiplication that may be wrong, checks the result, and computes it exactly if the check fails.
fn checked(n: u32, multiplication: impl Multiply, crew: &mut Crew<'_>) -> Result<String, JobError> {
    let (text, residues) = doubling::fibonacci(n, Base::of_index(n), multiplication, crew)?;
    if residues == Residues::of_fibonacci(n) {
        return Ok(text);
    }
    drop(text);
    crew.restart();
    exactly(n, crew)
}

fn exactly(n: u32, crew: &mut Crew<'_>) -> Result<String, JobError> {
    let (text, residues) = doubling::fibonacci(n, Base::of_index(n), Exact, crew)?;
    if residues == Residues::of_fibonacci(n) {
        return Ok(text);
    }
    Err(JobError::Failed(format!("F({n}) was computed exactly, but is wrong: is the memory faulty?")))
}

#[cfg(test)]
mod tests;
