//! Products of the remainders at the leaves of the tree: polynomials of degree 3 modulo x⁴ − ζ.
//!
//! Going down to degree 0 would save few operations, but need shuffles within vectors.

use pulp::Simd;

use super::{
    lanes::{Block, Complex, LANES, Lanes, Vector},
    roots::Roots,
    tree::Tree,
};

/// Leaves below one node, whose ζ are r, −r, ir and −ir.
const FAMILY: usize = 4;
/// Families that are prepared together, so that what was just stored is not loaded at once at another alignment.
const BATCH: usize = 4;

/// A polynomial b, after ζb: the product xᵏb modulo x⁴ − ζ begins k places before b.
#[derive(Clone, Copy, Default)]
#[repr(C, align(64))]
struct Extended {
    re: [f64; 2 * LANES],
    im: [f64; 2 * LANES],
}

/// Multiplies f by l, and l by itself if `square`, leaf by leaf, and everything by `scale`.
#[inline(always)]
pub(crate) fn multiply<S: Simd>(
    lanes: Lanes<S>,
    f: &mut [Block],
    l: &mut [Block],
    tree: &Tree,
    roots: &Roots,
    scale: f64,
    square: bool,
) {
    let mut extended = [Extended::default(); FAMILY * BATCH];
    let batches = f.chunks_mut(FAMILY * BATCH).zip(l.chunks_mut(FAMILY * BATCH));
    for ((f, l), batch) in batches.zip(0..) {
        for (family, place) in l.chunks_exact(FAMILY).zip(0..) {
            let root = tree.leaf(batch * BATCH + place, roots);
            let Complex { re, im } = Complex { re: root.re * scale, im: root.im * scale };
            let zetas = [(re, im), (-re, -im), (-im, re), (im, -re)];
            for ((leaf, out), (re, im)) in family.iter().zip(&mut extended[place * FAMILY..]).zip(zetas) {
                extend(lanes, leaf, Complex { re, im }, scale, out);
            }
        }
        for ((f, l), b) in f.iter_mut().zip(l).zip(&extended) {
            product(lanes, f, b);
            if square {
                product(lanes, l, b);
            }
        }
    }
}

#[inline(always)]
fn extend<S: Simd>(lanes: Lanes<S>, leaf: &Block, zeta: Complex, scale: f64, out: &mut Extended) {
    let zeta = lanes.splat(zeta);
    let scale = lanes.0.splat_f64s(scale);
    let (re, im) = (S::as_mut_simd_f64s(&mut out.re).0, S::as_mut_simd_f64s(&mut out.im).0);
    for place in 0..Lanes::<S>::VECTORS {
        let b = lanes.load(leaf, place);
        let wrapped = lanes.multiply(b, zeta);
        (re[place], im[place]) = (wrapped.re, wrapped.im);
        let above = Lanes::<S>::VECTORS + place;
        (re[above], im[above]) = (lanes.0.mul_f64s(b.re, scale), lanes.0.mul_f64s(b.im, scale));
    }
}

#[inline(always)]
fn product<S: Simd>(lanes: Lanes<S>, a: &mut Block, b: &Extended) {
    let factor = *a;
    for place in 0..Lanes::<S>::VECTORS {
        let shifted = |power: usize| {
            let start = LANES - power;
            Vector {
                re: S::as_simd_f64s(&b.re[start..start + LANES]).0[place],
                im: S::as_simd_f64s(&b.im[start..start + LANES]).0[place],
            }
        };
        let coefficient = |power: usize| lanes.splat(Complex { re: factor.re[power], im: factor.im[power] });
        let mut sum = lanes.multiply(coefficient(0), shifted(0));
        for power in 1..LANES {
            sum = lanes.multiply_add(coefficient(power), shifted(power), sum);
        }
        lanes.store(a, place, sum);
    }
}
