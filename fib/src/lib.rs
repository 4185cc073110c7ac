#![doc = include_str!("../README.md")]

mod count;
mod decimal;
mod doubling;
mod memory;
mod modular;
mod progress;
mod verify;

use std::ops::ControlFlow;

pub use count::digit_count;
pub use memory::memory_bytes;
pub use progress::Stopped;
pub use verify::verify;

use progress::Progress;

/// The share of the time that goes into the doublings; the rest is the conversion to decimal.
/// Measured: 23% to 34% for n from 10⁴ to 10⁷.
const DOUBLING_SHARE: f64 = 0.25;

/// Computes F(n) as decimal digits.
///
/// `progress` is called with the share of the work done, from 0.0 at the start to 1.0 at the end,
/// never decreasing, at most about a thousand times. The share follows the estimated cost of the
/// steps, the conversion to decimal included. Whenever it returns [`ControlFlow::Break`], the
/// computation stops.
///
/// # Errors
///
/// [`Stopped`], when `progress` asked for it.
///
/// # Examples
///
/// ```
/// use std::ops::ControlFlow;
///
/// let digits = fib::compute(100, &mut |_| ControlFlow::Continue(()));
/// assert_eq!(digits.as_deref(), Ok("354224848179261915075"));
///
/// // A bar on the screen, and a way out.
/// let mut shown = 0.0;
/// let stopped = fib::compute(100_000, &mut |share| {
///     shown = share;
///     if share < 0.5 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
/// });
/// assert_eq!(stopped, Err(fib::Stopped));
/// assert!((0.5..0.6).contains(&shown));
/// ```
pub fn compute(n: u32, progress: &mut dyn FnMut(f64) -> ControlFlow<()>) -> Result<String, Stopped> {
    let mut progress = Progress::start(progress)?;
    let number = doubling::fibonacci(n, &mut progress.part(DOUBLING_SHARE))?;
    let digits = decimal::digits(number, digit_count(n), &mut progress.part(1.0 - DOUBLING_SHARE))?;
    progress.finish()?;
    Ok(digits)
}
