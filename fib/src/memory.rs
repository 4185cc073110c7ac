//! Memory needed by a computation.

/// Bytes for small numbers and constants, and for the stacks and incidental allocations of threads.
const BASE: u64 = 256 * 1024;

/// Additional bytes per 1,000 of n.
const PER_THOUSAND: u64 = 1_400;

/// Returns an upper bound of the peak memory in bytes that [`compute`](crate::compute) allocates,
/// its result included.
///
/// The bound is 256 KiB + 1.4n. The last multiplication needs between 0.78n and 0.89n: two transforms of 0.28n to
/// 0.33n each, F(n) as numbers of 4 bytes (0.14n), and one factor (0.08n). The text, which takes 0.209n, is written
/// after the transforms are gone. The exact multiplication that takes over if a check fails needs up to 1.34n. The
/// tests measure both.
///
/// # Examples
///
/// ```
/// assert!(fib::memory_bytes(10_000_000) < 16 << 20);
/// ```
#[must_use]
pub fn memory_bytes(n: u32) -> u64 {
    BASE + u64::from(n) * PER_THOUSAND / 1_000
}
