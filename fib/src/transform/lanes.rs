//! Vectors of complex numbers, of whatever width the processor has.

use pulp::Simd;

use crate::digits::round;

/// Numbers that are handled side by side. Every vector register in use holds 1, 2 or 4 of them.
pub(crate) const LANES: usize = 4;

/// Four neighbouring complex coefficients: a cache line.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Block {
    pub(crate) re: [f64; LANES],
    pub(crate) im: [f64; LANES],
}

/// A complex number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Complex {
    pub(crate) re: f64,
    pub(crate) im: f64,
}

impl Complex {
    /// Returns the number on the unit circle at this angle, given in full turns. The error is below 2⁻⁵².
    pub(crate) fn at(turns: f64) -> Self {
        // Small angles are more accurate, and quarters of a turn are exact.
        let quarters = round(turns * 4.0);
        let (im, re) = sine_and_cosine((turns - quarters / 4.0) * std::f64::consts::TAU);
        match quarters as i64 & 3 {
            0 => Self { re, im },
            1 => Self { re: -im, im: re },
            2 => Self { re: -re, im: -im },
            _ => Self { re: im, im: -re },
        }
    }

    #[inline(always)]
    pub(crate) fn times(self, other: Self) -> Self {
        Self { re: self.re * other.re - self.im * other.im, im: self.re * other.im + self.im * other.re }
    }

    #[inline(always)]
    pub(crate) fn conjugate(self) -> Self {
        Self { re: self.re, im: -self.im }
    }
}

/// Returns the sine and the cosine of an angle of at most π/4, with the polynomials of Sun's fdlibm (`k_sin.c`, `k_cos.c`,
/// 1993): faster than the system's function, which must reduce any angle, and the same everywhere.
fn sine_and_cosine(x: f64) -> (f64, f64) {
    const SINE: [f64; 6] = [
        -1.666_666_666_666_663_2e-1,
        8.333_333_333_322_49e-3,
        -1.984_126_982_985_795e-4,
        2.755_731_370_707_006_8e-6,
        -2.505_076_025_340_686_3e-8,
        1.589_690_995_211_55e-10,
    ];
    const COSINE: [f64; 6] = [
        4.166_666_666_666_66e-2,
        -1.388_888_888_887_411e-3,
        2.480_158_728_947_673e-5,
        -2.755_731_435_139_066_3e-7,
        2.087_572_321_298_175e-9,
        -1.135_964_755_778_819_5e-11,
    ];
    let square = x * x;
    let polynomial = |coefficients: [f64; 6]| coefficients.iter().rev().fold(0.0, |sum, c| sum * square + c);
    let half = square / 2.0;
    let one_minus_half = 1.0 - half;
    let rest = ((1.0 - one_minus_half) - half) + square * square * polynomial(COSINE);
    (x + x * square * polynomial(SINE), one_minus_half + rest)
}

/// As many complex numbers as fit into a pair of registers.
#[derive(Clone, Copy)]
pub(crate) struct Vector<S: Simd> {
    pub(crate) re: S::f64s,
    pub(crate) im: S::f64s,
}

/// Arithmetic on vectors.
#[derive(Clone, Copy)]
pub(crate) struct Lanes<S: Simd>(pub(crate) S);

impl<S: Simd> Lanes<S> {
    /// Vectors per block.
    pub(crate) const VECTORS: usize = LANES / S::F64_LANES;

    #[inline(always)]
    pub(crate) fn load(self, block: &Block, place: usize) -> Vector<S> {
        Vector { re: S::as_simd_f64s(&block.re).0[place], im: S::as_simd_f64s(&block.im).0[place] }
    }

    #[inline(always)]
    pub(crate) fn store(self, block: &mut Block, place: usize, value: Vector<S>) {
        S::as_mut_simd_f64s(&mut block.re).0[place] = value.re;
        S::as_mut_simd_f64s(&mut block.im).0[place] = value.im;
    }

    #[inline(always)]
    pub(crate) fn splat(self, value: Complex) -> Vector<S> {
        Vector { re: self.0.splat_f64s(value.re), im: self.0.splat_f64s(value.im) }
    }

    #[inline(always)]
    pub(crate) fn add(self, a: Vector<S>, b: Vector<S>) -> Vector<S> {
        Vector { re: self.0.add_f64s(a.re, b.re), im: self.0.add_f64s(a.im, b.im) }
    }

    #[inline(always)]
    pub(crate) fn subtract(self, a: Vector<S>, b: Vector<S>) -> Vector<S> {
        Vector { re: self.0.sub_f64s(a.re, b.re), im: self.0.sub_f64s(a.im, b.im) }
    }

    /// Returns a + ib.
    #[inline(always)]
    pub(crate) fn add_i(self, a: Vector<S>, b: Vector<S>) -> Vector<S> {
        Vector { re: self.0.sub_f64s(a.re, b.im), im: self.0.add_f64s(a.im, b.re) }
    }

    /// Returns a − ib.
    #[inline(always)]
    pub(crate) fn subtract_i(self, a: Vector<S>, b: Vector<S>) -> Vector<S> {
        Vector { re: self.0.add_f64s(a.re, b.im), im: self.0.sub_f64s(a.im, b.re) }
    }

    /// Returns ab.
    #[inline(always)]
    pub(crate) fn multiply(self, a: Vector<S>, b: Vector<S>) -> Vector<S> {
        Vector {
            re: self.0.negate_mul_add_e_f64s(a.im, b.im, self.0.mul_f64s(a.re, b.re)),
            im: self.0.mul_add_e_f64s(a.im, b.re, self.0.mul_f64s(a.re, b.im)),
        }
    }

    /// Returns ab + c.
    #[inline(always)]
    pub(crate) fn multiply_add(self, a: Vector<S>, b: Vector<S>, c: Vector<S>) -> Vector<S> {
        Vector {
            re: self.0.negate_mul_add_e_f64s(a.im, b.im, self.0.mul_add_e_f64s(a.re, b.re, c.re)),
            im: self.0.mul_add_e_f64s(a.im, b.re, self.0.mul_add_e_f64s(a.re, b.im, c.im)),
        }
    }

    /// Returns xb + c, where x is real.
    #[inline(always)]
    pub(crate) fn scale_add(self, x: f64, b: Vector<S>, c: Vector<S>) -> Vector<S> {
        let x = self.0.splat_f64s(x);
        Vector { re: self.0.mul_add_e_f64s(x, b.re, c.re), im: self.0.mul_add_e_f64s(x, b.im, c.im) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_circle_agrees_with_the_standard_library() {
        for place in -3_000..=3_000 {
            let turns = f64::from(place) / 1_999.0;
            let Complex { re, im } = Complex::at(turns);
            let (sine, cosine) = ((turns - turns.round()) * std::f64::consts::TAU).sin_cos();
            // The standard library's argument is rounded, too.
            assert!((re - cosine).abs() < 5e-16 && (im - sine).abs() < 5e-16, "{turns}: {re} {im}");
        }
        assert_eq!((Complex::at(0.25).re, Complex::at(0.5).re, Complex::at(-0.25).im), (0.0, -1.0, -1.0));
    }
}
