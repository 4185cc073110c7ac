//! The reduction modulo x^Rm − i for an odd R to remainders modulo its R factors x^m − ζ, and the way back.
//!
//! It gives the transform lengths between the powers of two. A Fourier transform of R points, whose halves share
//! their products (R. Singleton, "An algorithm for computing the mixed radix fast Fourier transform", 1969).

use pulp::Simd;

use super::lanes::{Block, Complex, Lanes, Vector};

/// Returns the angle of the root ζ of a factor, in turns.
pub(super) fn turns(radix: usize, place: usize) -> f64 {
    (0.25 + place as f64) / radix as f64
}

/// The highest radix.
const MAX: usize = 9;

/// The constants for a radix of 1, 3, 5, 7 or 9.
pub(super) struct Odd {
    radix: usize,
    /// The powers of the first factor's ζ.
    weights: [Complex; MAX],
    /// The powers of the first R-th root of one.
    roots: [Complex; MAX],
}

impl Odd {
    pub(super) fn new(radix: usize) -> Self {
        let powers = |turns: f64| std::array::from_fn(|power| Complex::at(power as f64 * turns));
        Self { radix, weights: powers(turns(radix, 0)), roots: powers(1.0 / radix as f64) }
    }

    #[inline(always)]
    pub(super) fn forward<S: Simd>(&self, lanes: Lanes<S>, data: &mut [Block]) {
        match self.radix {
            1 => {}
            3 => self.transform::<S, 3, false>(lanes, data),
            5 => self.transform::<S, 5, false>(lanes, data),
            7 => self.transform::<S, 7, false>(lanes, data),
            _ => self.transform::<S, 9, false>(lanes, data),
        }
    }

    /// The inverse of `forward`, except that all coefficients are multiplied by the radix.
    #[inline(always)]
    pub(super) fn inverse<S: Simd>(&self, lanes: Lanes<S>, data: &mut [Block]) {
        match self.radix {
            1 => {}
            3 => self.transform::<S, 3, true>(lanes, data),
            5 => self.transform::<S, 5, true>(lanes, data),
            7 => self.transform::<S, 7, true>(lanes, data),
            _ => self.transform::<S, 9, true>(lanes, data),
        }
    }

    #[inline(always)]
    fn transform<S: Simd, const R: usize, const INVERSE: bool>(&self, lanes: Lanes<S>, data: &mut [Block]) {
        let run = data.len() / R;
        let weight =
            |q: usize| lanes.splat(if INVERSE { self.weights[q].conjugate() } else { self.weights[q] });
        for column in 0..run {
            for place in 0..Lanes::<S>::VECTORS {
                let mut values = [lanes.load(&data[column], place); R];
                for q in 1..R {
                    let value = lanes.load(&data[q * run + column], place);
                    values[q] = if INVERSE { value } else { lanes.multiply(value, weight(q)) };
                }
                let values = fourier(lanes, &values, &self.roots, if INVERSE { -1.0 } else { 1.0 });
                lanes.store(&mut data[column], place, values[0]);
                for q in 1..R {
                    let value = if INVERSE { lanes.multiply(values[q], weight(q)) } else { values[q] };
                    lanes.store(&mut data[q * run + column], place, value);
                }
            }
        }
    }
}

/// Returns the sums of `values[q]`·exp(±2πi jq/R) for every j.
#[inline(always)]
fn fourier<S: Simd, const R: usize>(
    lanes: Lanes<S>,
    values: &[Vector<S>; R],
    roots: &[Complex; MAX],
    sign: f64,
) -> [Vector<S>; R] {
    let (mut sums, mut differences) = (*values, *values);
    let mut out = *values;
    for q in 1..=R / 2 {
        sums[q] = lanes.add(values[q], values[R - q]);
        differences[q] = lanes.subtract(values[q], values[R - q]);
        out[0] = lanes.add(out[0], sums[q]);
    }
    for j in 1..=R / 2 {
        let mut even = values[0];
        let mut odd = lanes.splat(Complex { re: 0.0, im: 0.0 });
        for q in 1..=R / 2 {
            let root = roots[j * q % R];
            even = lanes.scale_add(root.re, sums[q], even);
            odd = lanes.scale_add(sign * root.im, differences[q], odd);
        }
        out[j] = lanes.add_i(even, odd);
        out[R - j] = lanes.subtract_i(even, odd);
    }
    out
}
