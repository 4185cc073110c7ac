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
        f: &mut Vec<i32>,
        l: &mut Vec<i32>,
        wanted: &Wanted,
        share: f64,
        crew: &mut Crew<'_>,
    ) -> Result<(), Stopped> {
        let length = f.len() + l.len();
        let size = length.next_power_of_two();
        let root = power(GENERATOR, (P - 1) / size as u64);
        let [mut f_values, mut l_values] = [&*f, &*l].map(|digits| {
            let mut values = Vec::with_capacity(size);
            values.extend(digits.iter().map(|&digit| residue(i64::from(digit))));
            values.resize(size, 0);
            values
        });
        forward(&mut f_values, root, share / 4.0, crew)?;
        forward(&mut l_values, root, share / 4.0, crew)?;
        for (f, l) in f_values.iter_mut().zip(&mut l_values) {
            *f = multiply(*f, *l);
            *l = multiply(*l, *l);
        }
        let (product, square) = match *wanted {
            Wanted::Product { constant } => (constant, None),
            Wanted::ProductAndSquare { constant } => (0.0, Some(constant)),
        };
        inverse(&mut f_values, root, share / 4.0, crew)?;
        write_digits(base, &f_values[..length], size, product, f);
        if let Some(constant) = square {
            inverse(&mut l_values, root, share / 4.0, crew)?;
            write_digits(base, &l_values[..length], size, constant, l);
        }
        Ok(())
    }
}

/// The Fourier transform modulo p, in place, which leaves the values in bit-reversed order (W. Gentleman and G. Sande,
/// "Fast Fourier transforms for fun and profit", 1966).
fn forward(values: &mut [u64], root: u64, share: f64, crew: &mut Crew<'_>) -> Result<(), Stopped> {
    let levels = values.len().trailing_zeros();
    for level in 0..levels {
        let step = power(root, 1 << level);
        crew.run_one(share / f64::from(levels), || {
            for node in values.chunks_exact_mut(1 << (levels - level)) {
                let (low, high) = node.split_at_mut(node.len() / 2);
                let mut factor = 1;
                for (a, b) in low.iter_mut().zip(high) {
                    (*a, *b) = (add(*a, *b), multiply(subtract(*a, *b), factor));
                    factor = multiply(factor, step);
                }
            }
        })?;
    }
    Ok(())
}

/// The inverse of `forward`, except that it multiplies all values by their number.
fn inverse(values: &mut [u64], root: u64, share: f64, crew: &mut Crew<'_>) -> Result<(), Stopped> {
    let levels = values.len().trailing_zeros();
    for level in (0..levels).rev() {
        let step = power(root, P - 1 - (1 << level));
        crew.run_one(share / f64::from(levels), || {
            for node in values.chunks_exact_mut(1 << (levels - level)) {
                let (low, high) = node.split_at_mut(node.len() / 2);
                let mut factor = 1;
                for (a, b) in low.iter_mut().zip(high) {
                    let product = multiply(*b, factor);
                    (*a, *b) = (add(*a, product), subtract(*a, product));
                    factor = multiply(factor, step);
                }
            }
        })?;
    }
    Ok(())
}

/// Turns coefficients, all of them multiplied by `size`, into digits.
fn write_digits(base: Base, values: &[u64], size: usize, constant: f64, digits: &mut Vec<i32>) {
    let scale = power(size as u64, P - 2);
    let radix = base.value as i64;
    let mut carry = constant as i64;
    digits.clear();
    for &value in values {
        let value = multiply(value, scale);
        let value = if value > P / 2 { -((P - value) as i64) } else { value as i64 };
        let sum = value + carry;
        carry = (sum + radix / 2).div_euclid(radix);
        digits.push((sum - carry * radix) as i32);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn arithmetic_agrees_with_division(a in 0..P, b in 0..P) {
            let (wide_a, wide_b, p) = (u128::from(a), u128::from(b), u128::from(P));
            prop_assert_eq!(u128::from(multiply(a, b)), wide_a * wide_b % p);
            prop_assert_eq!(u128::from(add(a, b)), (wide_a + wide_b) % p);
            prop_assert_eq!(add(subtract(a, b), b), a);
        }
    }

    #[test]
    fn the_generator_has_roots_of_every_power_of_two() {
        for log in 1..=32 {
            assert_eq!(power(GENERATOR, (P - 1) >> log << (log - 1)), P - 1, "2^{log}");
        }
    }
}
