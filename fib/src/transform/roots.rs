//! Roots of unity in bit-reversed order.

use super::lanes::Complex;

/// The low bits of a place have a table of their own.
const LOW_BITS: u32 = 6;

/// exp(2πi v(j) / 4) for j = 0, 1, 2, …, where v(j) is the binary fraction whose digits are the bits of j, the lowest
/// first: 0, 1/2, 1/4, 3/4, 1/8, …. These are the constants of the nodes of every tree, whatever its size.
pub(super) struct Roots {
    roots: Vec<Complex>,
}

/// Returns v(j).
pub(super) fn fraction(place: usize) -> f64 {
    place.reverse_bits() as f64 / 2f64.powi(usize::BITS as i32)
}

impl Roots {
    /// Computes at least `count` roots. Each is the product of two whose sine and cosine were computed directly, so
    /// its error is below 2·2⁻⁵³.
    pub(crate) fn new(count: usize) -> Self {
        let low: Vec<_> = (0..1 << LOW_BITS).map(|place| Complex::at(fraction(place) / 4.0)).collect();
        let high = (0..count.div_ceil(1 << LOW_BITS)).map(|place| Complex::at(fraction(place << LOW_BITS) / 4.0));
        Self { roots: high.flat_map(|high| low.iter().map(move |low| high.times(*low))).collect() }
    }

    #[inline(always)]
    pub(crate) fn at(&self, place: usize) -> Complex {
        self.roots[place]
    }
}
