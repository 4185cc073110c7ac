//! Roots of unity in bit-reversed order.

use super::lanes::Complex;

/// The first three powers of a number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Powers(pub(super) [Complex; 3]);

impl Powers {
    pub(super) const ONE: Self = Self([Complex { re: 1.0, im: 0.0 }; 3]);

    /// Returns the powers of the number on the unit circle at this angle, in turns. They are computed independently:
    /// the errors of the constants dominate those of a transform, and powers would multiply them.
    pub(super) fn at(turns: f64) -> Self {
        Self([1.0, 2.0, 3.0].map(|power| Complex::at(power * turns)))
    }

    #[inline(always)]
    pub(super) fn times(self, other: Self) -> Self {
        let ([a1, a2, a3], [b1, b2, b3]) = (self.0, other.0);
        Self([a1.times(b1), a2.times(b2), a3.times(b3)])
    }

    #[inline(always)]
    pub(super) fn conjugate(self) -> Self {
        Self(self.0.map(Complex::conjugate))
    }
}

/// exp(2πi v(j) / 4) for j = 0, 1, 2, …, where v(j) is the binary fraction whose digits are the bits of j, the lowest
/// first: 0, 1/2, 1/4, 3/4, 1/8, …. These are the constants of the nodes of every tree, whatever its size.
pub(super) struct Roots(Vec<Powers>);

impl Roots {
    pub(super) fn new(count: usize) -> Self {
        Self((0..count).map(|place| Powers::at(fraction(place) / 4.0)).collect())
    }

    #[inline(always)]
    pub(super) fn at(&self, place: usize) -> Powers {
        self.0[place]
    }
}

/// Returns v(j).
pub(super) fn fraction(place: usize) -> f64 {
    place.reverse_bits() as f64 / 2f64.powi(usize::BITS as i32)
}
