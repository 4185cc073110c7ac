//! From the coefficients of a product to its digits.

use pulp::{Arch, Simd, WithSimd};

use super::{Base, round, to_integer};
use crate::transform::{Block, LANES};

/// Digits that are computed together, in the first-level cache.
const CHUNK: usize = 256;
/// Chunks per task.
const TASK: usize = 64;

/// Computes some digits of a product.
pub(crate) struct Task<'a> {
    arch: Arch,
    base: Base,
    blocks: &'a [Block],
    /// The place of the first digit.
    start: usize,
    out: &'a mut [i32],
}

/// Divides the digits of a product into independent tasks.
pub(crate) fn tasks<'a>(
    arch: Arch,
    base: Base,
    blocks: &'a [Block],
    digits: &'a mut [i32],
) -> impl Iterator<Item = Task<'a>> {
    let parts = digits.chunks_mut(CHUNK * TASK).enumerate();
    parts.map(move |(place, out)| Task { arch, base, blocks, start: place * CHUNK * TASK, out })
}

impl Task<'_> {
    pub(crate) fn run(self) {
        self.arch.dispatch(self);
    }
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { base, blocks, start, out, .. } = self;
        let mut scratch = [[0.0; LANES + CHUNK]; 4];
        for (chunk, place) in out.chunks_mut(CHUNK).zip((start..).step_by(CHUNK)) {
            // A coefficient reaches three digits, and the carry of their sum a fourth. The first block is what is
            // below the chunk.
            let numbers = place / LANES..;
            for (part, number) in scratch[0].as_chunks_mut::<LANES>().0.iter_mut().zip(numbers) {
                *part = match number.checked_sub(1) {
                    Some(number) if number < blocks.len() => blocks[number].re,
                    Some(number) if number < 2 * blocks.len() => blocks[number - blocks.len()].im,
                    _ => [0.0; LANES],
                };
            }
            digits(base, &mut scratch, chunk);
        }
    }
}

/// Carries without a chain of dependencies: every coefficient becomes three digits, and the sums of what meets in
/// one place carry at most a few more.
#[inline(always)]
fn digits(base: Base, scratch: &mut [[f64; LANES + CHUNK]; 4], out: &mut [i32]) {
    let length = LANES + out.len();
    let [low, middle, high, carries] = scratch.each_mut().map(|part| &mut part[..length]);
    for i in 0..length {
        let coefficient = round(low[i]);
        let rest = base.quotient(coefficient);
        low[i] = coefficient - rest * base.value;
        high[i] = base.quotient(rest);
        middle[i] = rest - high[i] * base.value;
    }
    for i in 2..length {
        let sum = low[i] + middle[i - 1] + high[i - 2];
        carries[i] = base.quotient(sum);
        low[i] = sum - carries[i] * base.value;
    }
    for (i, out) in out.iter_mut().enumerate() {
        *out = to_integer(low[i + LANES] + carries[i + LANES - 1]);
    }
}
