//! Products of large numbers, by a transform modulo a prime: exact, but many times slower.
//!
//! The prime is p = 2⁶⁴ − 2³² + 1, modulo which 7 generates all residues, and there are roots of unity of order 2³².
//! A coefficient of a product is at most the length times the square of the largest digit: below 7·10¹⁷ for numbers
//! below 10^(1.6·10⁷) in base 10⁶, and for all longer ones that an index of 32 bits gives in base 10³. So no
//! coefficient reaches p/2, and each is known from its residue.

use crate::{
    crew::Crew,
    digits::Base,
    doubling::{Multiply, Wanted},
    progress::Stopped,
};

const P: u64 = 0xffff_ffff_0000_0001;
const GENERATOR: u64 = 7;

/// Exact multiplication.
pub(crate) struct Exact;

impl Multiply for Exact {
    fn multiply(
        &mut self,
        base: Base,
        f: &mut Vec<f64>,
        l: &mut Vec<f64>,
        wanted: &Wanted,
        share: f64,
        crew: &mut Crew<'_>,
    ) -> Result<(), Stopped> {
        let length = f.len() + l.len();
        let size = length.next_power_of_two();
        let root = power(GENERATOR, (P - 1) / size as u64);
        let [mut f_values, mut l_values] = [&*f, &*l].map(|digits| {
            let residues = digits.iter().map(|&digit| residue(digit as i64));
            residues.chain(std::iter::repeat(0)).take(size).collect::<Vec<_>>()
        });
        transform(&mut f_values, root, share / 4.0, crew)?;
        transform(&mut l_values, root, share / 4.0, crew)?;
        for (f, l) in f_values.iter_mut().zip(&mut l_values) {
            *f = multiply(*f, *l);
            *l = multiply(*l, *l);
        }
        let (product, square) = match *wanted {
            Wanted::Product { constant } => (constant, None),
            Wanted::ProductAndSquare { constant } => (0.0, Some(constant)),
        };
        transform(&mut f_values, root, share / 4.0, crew)?;
        write_digits(base, &f_values, product, length, f);
        if let Some(constant) = square {
            transform(&mut l_values, root, share / 4.0, crew)?;
            write_digits(base, &l_values, constant, length, l);
        }
        Ok(())
    }
}

/// The Fourier transform modulo p, in natural order (R. Agarwal and C. Burrus, 1975; radix 2, Stockham's order needs
/// no second pass). Applied twice, it reverses the order of all values but the first, and multiplies them by their
/// number.
fn transform(values: &mut Vec<u64>, root: u64, share: f64, crew: &mut Crew<'_>) -> Result<(), Stopped> {
    let half = values.len() / 2;
    let levels = values.len().trailing_zeros();
    let mut roots = Vec::with_capacity(half);
    let mut next = 1;
    for _ in 0..half {
        roots.push(next);
        next = multiply(next, root);
    }
    let mut out = vec![0; values.len()];
    for level in 0..levels {
        let stride = 1 << level;
        crew.run_one(share / f64::from(levels), || {
            for start in (0..half).step_by(stride) {
                let factor = roots[start];
                for place in start..start + stride {
                    let (a, b) = (values[place], values[place + half]);
                    out[place + start] = add(a, b);
                    out[place + start + stride] = multiply(subtract(a, b), factor);
                }
            }
        })?;
        std::mem::swap(values, &mut out);
    }
    Ok(())
}

/// Turns the transform of a transform into digits.
fn write_digits(base: Base, values: &[u64], constant: f64, length: usize, digits: &mut Vec<f64>) {
    let scale = power(values.len() as u64, P - 2);
    let radix = base.value as i64;
    let mut carry = constant as i64;
    digits.clear();
    for place in 0..length {
        let value = multiply(values[(values.len() - place) % values.len()], scale);
        let value = if value > P / 2 { -((P - value) as i64) } else { value as i64 };
        let sum = value + carry;
        carry = (sum + radix / 2).div_euclid(radix);
        digits.push((sum - carry * radix) as f64);
    }
}

fn residue(number: i64) -> u64 {
    if number < 0 { P - number.unsigned_abs() } else { number as u64 }
}

fn add(a: u64, b: u64) -> u64 {
    ((u128::from(a) + u128::from(b)) % u128::from(P)) as u64
}

fn subtract(a: u64, b: u64) -> u64 {
    if a < b { a + (P - b) } else { a - b }
}

/// Multiplies with 2⁶⁴ ≡ 2³² − 1 and 2⁹⁶ ≡ −1.
fn multiply(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    let (low, middle, high) = (product as u64, (product >> 64) as u64 & 0xffff_ffff, (product >> 96) as u64);
    let low = subtract(if low >= P { low - P } else { low }, high);
    add(low, middle * 0xffff_ffff)
}

fn power(base: u64, exponent: u64) -> u64 {
    (0..u64::BITS - exponent.leading_zeros()).rev().fold(1, |x, bit| {
        let square = multiply(x, x);
        if exponent >> bit & 1 == 0 { square } else { multiply(square, base) }
    })
}
