//! A computation stays within `memory_bytes`.
//!
//! This file has only one test, because it counts the allocations of the whole process.

use std::{num::NonZero, ops::ControlFlow};

use fib::JobError;
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// A way to compute a number.
type Compute = fn(u32) -> Result<String, JobError>;

/// Returns the peak memory of a computation.
fn peak(compute: Compute, n: u32) -> u64 {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    assert!(compute(n).is_ok());
    (MEMORY.peak_usage() - before) as u64
}

#[test]
fn the_peak_stays_below_the_bound_but_comes_close() {
    let fast: Compute = |n| fib::compute(n, NonZero::<usize>::MIN, &mut |_| ControlFlow::Continue(()));
    let exactly: Compute = |n| fib::compute_exactly(n, &mut |_| ControlFlow::Continue(()));
    // A transform whose length just rose needs most, here from 10·2ᵏ to 12·2ᵏ, and to a power of two in the exact one.
    let after_jumps = [4_703_800, 3_763_400];

    let mut closest: f64 = 0.0;
    for compute in [fast, exactly] {
        for n in (0..48).map(|step| 1.3f64.powi(step) as u32).chain(after_jumps).filter(|&n| n < 5_000_000) {
            let (peak, bound) = (peak(compute, n), fib::memory_bytes(n));
            assert!(peak <= bound, "F({n}) took {peak} bytes, more than {bound}");
            closest = closest.max(if n > 1_000_000 { peak as f64 / bound as f64 } else { 0.0 });
        }
    }
    assert!(closest > 0.9, "the bound is far too high: at most {closest:.2} of it was used");
}
