//! A computation stays within `memory_bytes`.
//!
//! This file has only one test, because it counts the allocations of the whole process.

use std::ops::ControlFlow;

use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

#[test]
fn the_peak_stays_below_the_bound_but_comes_close() {
    // The transform of the last multiplication doubles its length where the product first needs
    // more 64-bit words than a power of two.
    let bits_per_index = f64::midpoint(1.0, 5f64.sqrt()).log2();
    let jumps = [13, 14].map(|power| (f64::from(64 << power) / bits_per_index) as u32);
    let near_jumps = jumps.into_iter().flat_map(|n| [n - 200, n - 100, n, n + 100]);
    let spread = (0..48).map(|step| 1.3f64.powi(step) as u32);

    let mut closest: f64 = 0.0;
    for n in spread.chain(near_jumps).chain([0]) {
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let digits = fib::compute(n, &mut |_| ControlFlow::Continue(()));
        let peak = (MEMORY.peak_usage() - before) as u64;
        assert!(digits.is_ok());

        let bound = fib::memory_bytes(n);
        assert!(peak <= bound, "F({n}) took {peak} bytes, more than {bound}");
        if n > 1_000_000 {
            closest = closest.max(peak as f64 / bound as f64);
        }
    }
    assert!(closest > 0.8, "the bound is far too high: at most {closest:.2} of it was used");
}
