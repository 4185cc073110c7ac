//! A computation stays within `memory_bytes`.
//!
//! This file has only one test, because it counts the allocations of the whole process.

use std::{num::NonZero, ops::ControlFlow};

use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

#[test]
fn the_peak_stays_below_the_bound_but_comes_close() {
    let spread = (0..48).map(|step| 1.3f64.powi(step) as u32);
    // The length of the transform just rose to a power of two.
    let mut closest: f64 = 0.0;
    for n in spread.chain([0, 20_000, 1_505_500, 1_882_000, 12_044_000]) {
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let digits = fib::compute(n, NonZero::<usize>::MIN, &mut |_| ControlFlow::Continue(()));
        let peak = (MEMORY.peak_usage() - before) as u64;
        assert!(digits.is_ok());

        let bound = fib::memory_bytes(n);
        assert!(peak <= bound, "F({n}) took {peak} bytes, more than {bound}");
        if n > 1_000_000 {
            closest = closest.max(peak as f64 / bound as f64);
        }
    }
    assert!(closest > 0.6, "the bound is far too high: at most {closest:.2} of it was used");
}
