#![doc = include_str!("../README.md")]

mod crew;
mod digit_count;
mod digits;
mod doubling;
mod job;
mod memory;
mod modular;
mod progress;
mod small;
mod text;
mod transform;
mod verify;

use std::time::Duration;

pub use digit_count::digit_count;
pub use job::{Job, JobError, Progress, Sample};
pub use memory::memory_bytes;
pub use progress::Stopped;
pub use verify::verify;

use crew::Crew;
use progress::Reporter;

/// The job that this crate does.
pub const JOB: Job = Job {
    name: "Fibonacci numbers",
    description: "F(n) is the n-th Fibonacci number: F(0) = 0, F(1) = 1, and each further number is the sum \
                  of the two before it (OEIS A000045).",
    notation: |n| format!("F({n})"),
    lowest_index: 0,
    default_max_index: 1_000_000,
    compute: |n, progress| Ok(compute(n, progress)?),
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

/// Share of the time spent on the doublings; the rest is the conversion to decimal.
/// Measured: 23% to 34% for n from 10⁴ to 10⁷.
const DOUBLING_SHARE: f64 = 0.25;

/// Computes F(n) as decimal digits.
///
/// `progress` is called with the share of the work done, from 0.0 at the start to 1.0 at the end,
/// never decreasing, at most about a thousand times. The share follows the estimated cost of the
/// steps, including the conversion to decimal. The computation stops as soon as `progress` returns
/// [`Break`](std::ops::ControlFlow::Break).
///
/// # Errors
///
/// [`Stopped`], if `progress` stopped it.
///
/// # Examples
///
/// ```
/// use std::ops::ControlFlow;
///
/// let digits = fib::compute(100, &mut |_| ControlFlow::Continue(()));
/// assert_eq!(digits.as_deref(), Ok("354224848179261915075"));
///
/// // Stops half-way.
/// let mut last_share = 0.0;
/// let stopped = fib::compute(100_000, &mut |share| {
///     last_share = share;
///     if share < 0.5 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
/// });
/// assert_eq!(stopped, Err(fib::Stopped));
/// assert!((0.5..0.6).contains(&last_share));
/// ```
pub fn compute(n: u32, progress: Progress<'_>) -> Result<String, Stopped> {
    let threads = std::env::var("T").ok().and_then(|t| t.parse().ok()).unwrap_or(1);
    let mut crew = Crew::new(threads, Reporter::start(progress)?);
    let count = digit_count(n) as usize;
    let text = match n {
        0..=600 => text::from_groups(small::fibonacci::<8>(n).as_slice(), count),
        601..=2_600 => text::from_groups(small::fibonacci::<32>(n).as_slice(), count),
        2_601..=10_000 => text::from_groups(small::fibonacci::<128>(n).as_slice(), count),
        _ => doubling::fibonacci(n, pulp::Arch::new(), &mut crew)?,
    };
    crew.finish()?;
    Ok(text)
}
