//! Memory needed by a computation.

/// Bytes for small numbers and for incidental allocations of a test or a thread.
const BASE: u64 = 64 * 1024;

/// Additional bytes per unit of n.
const PER_INDEX: u64 = 5;

/// Returns an upper bound of the peak memory in bytes that [`compute`](crate::compute) allocates,
/// its result included.
///
/// The bound is 64 KiB + 5n. Counting allocations for n from 150 to 2.2·10⁷ in steps of 3% gave a
/// peak of 0.5n below n = 730,000, and between 2.3n and 4.5n above. The peak occurs in the last
/// multiplication, a number-theoretic transform whose length is a power of two; `tests/memory.rs`
/// measures again where that length has just doubled. The transform touches less than half of what
/// it allocates: at n = 10⁷, resident memory grew by 1.9n.
///
/// # Examples
///
/// ```
/// // The highest index, in millions, that fits into 64 MiB.
/// let mut n = 1_000_000;
/// while fib::memory_bytes(n + 1_000_000) <= 64 << 20 {
///     n += 1_000_000;
/// }
/// assert_eq!(n, 13_000_000);
/// ```
#[must_use]
pub fn memory_bytes(n: u32) -> u64 {
    BASE + PER_INDEX * u64::from(n)
}
