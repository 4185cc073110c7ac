//! Vectors of complex numbers, of whatever width the processor has.

use pulp::Simd;

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
    /// Returns the number on the unit circle at this angle, given in full turns.
    pub(crate) fn at(turns: f64) -> Self {
        // Small angles are more accurate, and quarters of a turn are exact.
        let quarters = (turns * 4.0).round();
        let (im, re) = ((turns - quarters / 4.0) * std::f64::consts::TAU).sin_cos();
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
