//! The reduction modulo x^Rm − i for an odd R to remainders modulo its R factors x^m − ζ, and the way back.
//!
//! It gives the transform lengths between the powers of two. A Fourier transform of R points, whose halves share
//! their products (R. Singleton, "An algorithm for computing the mixed radix fast Fourier transform", 1969).

use pulp::Simd;

use super::lanes::{Block, Complex, Lanes, Vector};

/// Returns the angle of the root ζ of a factor, in turns.
pub(crate) fn turns(radix: usize, place: usize) -> f64 {
    (0.25 + place as f64) / radix as f64
}

#[inline(always)]
pub(crate) fn forward<S: Simd>(lanes: Lanes<S>, data: &mut [Block], radix: usize) {
    match radix {
        1 => {}
        3 => radix_forward::<S, 3>(lanes, data),
        5 => radix_forward::<S, 5>(lanes, data),
        7 => radix_forward::<S, 7>(lanes, data),
        _ => radix_forward::<S, 9>(lanes, data),
    }
}

/// The inverse of `forward`, except that all coefficients are multiplied by the radix.
#[inline(always)]
pub(crate) fn inverse<S: Simd>(lanes: Lanes<S>, data: &mut [Block], radix: usize) {
    match radix {
        1 => {}
        3 => radix_inverse::<S, 3>(lanes, data),
        5 => radix_inverse::<S, 5>(lanes, data),
        7 => radix_inverse::<S, 7>(lanes, data),
        _ => radix_inverse::<S, 9>(lanes, data),
    }
}

#[inline(always)]
fn radix_forward<S: Simd, const R: usize>(lanes: Lanes<S>, data: &mut [Block]) {
    let run = data.len() / R;
    let weights: [Complex; R] = std::array::from_fn(|q| Complex::at(q as f64 * turns(R, 0)));
    let roots: [Complex; R] = std::array::from_fn(|q| Complex::at(q as f64 / R as f64));
    for column in 0..run {
        for place in 0..Lanes::<S>::VECTORS {
            let mut values = [lanes.load(&data[column], place); R];
            for q in 1..R {
                let value = lanes.load(&data[q * run + column], place);
                values[q] = lanes.multiply(value, lanes.splat(weights[q]));
            }
            let values = fourier(lanes, &values, &roots, 1.0);
            for q in 0..R {
                lanes.store(&mut data[q * run + column], place, values[q]);
            }
        }
    }
}

#[inline(always)]
fn radix_inverse<S: Simd, const R: usize>(lanes: Lanes<S>, data: &mut [Block]) {
    let run = data.len() / R;
    let weights: [Complex; R] = std::array::from_fn(|q| Complex::at(q as f64 * turns(R, 0)).conjugate());
    let roots: [Complex; R] = std::array::from_fn(|q| Complex::at(q as f64 / R as f64));
    for column in 0..run {
        for place in 0..Lanes::<S>::VECTORS {
            let mut values = [lanes.load(&data[column], place); R];
            for q in 1..R {
                values[q] = lanes.load(&data[q * run + column], place);
            }
            let values = fourier(lanes, &values, &roots, -1.0);
            lanes.store(&mut data[column], place, values[0]);
            for q in 1..R {
                let value = lanes.multiply(values[q], lanes.splat(weights[q]));
                lanes.store(&mut data[q * run + column], place, value);
            }
        }
    }
}

/// Returns the sums of `values[q]`·exp(±2πi jq/R) for every j.
#[inline(always)]
fn fourier<S: Simd, const R: usize>(
    lanes: Lanes<S>,
    values: &[Vector<S>; R],
    roots: &[Complex; R],
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
