//! How much memory a computation takes.

/// What small numbers take, and what a test or a thread allocates beside them.
const BASE: u64 = 64 * 1024;

/// Beyond the base, for each unit of n.
const PER_INDEX: u64 = 5;

/// Upper bound of the memory in bytes that [`compute`](crate::compute) allocates at its peak, its
/// result included.
///
/// It is 64 KiB + 5n. Measured, by counting what passes through the allocator, with n from 150 to
/// 2.2·10⁷ in steps of 3%: the peak is 0.5n below n = 730,000, and from there on between 2.3n and
/// 4.5n. It belongs to the last multiplication, a number-theoretic transform whose length is a
/// power of two; `tests/memory.rs` measures again where that length has just doubled. The transform
/// touches less than half of what it allocates: at n = 10⁷ the resident memory grew by 1.9n.
///
/// # Examples
///
/// ```
/// // How far does a container of 128 MiB reach, if half of it is left to everything else?
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
