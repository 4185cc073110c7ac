//! F(n) by doubling the index, bit by bit.
//!
//! The pair F(k), L(k), where L is the Lucas number (OEIS A000032), takes two products per doubling, and the last
//! step only one:
//!
//! - F(2k) = F(k) L(k) and L(2k) = L(k)² − 2(−1)ᵏ
//! - F(k+1) = (F(k) + L(k)) / 2 and L(k+1) = F(k+1) + 2F(k)
//! - F(2k+1) = F(k+1) L(k) − (−1)ᵏ
//!
//! Source: D. Takahashi, "A fast algorithm for computing large Fibonacci numbers", Information Processing Letters 75
//! (2000) 243–246.

use crate::{
    crew::Crew,
    digit_count,
    digits::{self, Base},
    progress::Stopped,
    residues::Residues,
    small, text,
};

/// The highest index whose pair is computed by school multiplication.
const START: u32 = 2_700;
const START_GROUPS: usize = 33;

/// The products that are wanted.
pub(crate) enum Wanted {
    /// f·l + `constant` in f; l is lost.
    Product { constant: f64 },
    /// f·l in f, and l² + `constant` in l.
    ProductAndSquare { constant: f64 },
}

/// A way to multiply.
pub(crate) trait Multiply {
    /// Multiplies numbers of `f.len()` digits each. `share` is the share of this product in the whole computation.
    fn multiply(
        &mut self,
        base: Base,
        f: &mut Vec<i32>,
        l: &mut Vec<i32>,
        wanted: &Wanted,
        share: f64,
        crew: &mut Crew<'_>,
    ) -> Result<(), Stopped>;
}

/// Computes F(n) as text, and its residues.
pub(crate) fn fibonacci(
    n: u32,
    base: Base,
    mut multiplication: impl Multiply,
    crew: &mut Crew<'_>,
) -> Result<(String, Residues), Stopped> {
    let mut bits = 1;
    while n >> bits > START {
        bits += 1;
    }
    let (f, l) = small::pair::<START_GROUPS>(n >> bits);
    // F(n), and what the transform of half its length needs, with the zeros above, at most a quarter more.
    let mut f = from_groups(base, f.as_slice(), product_length(n, base));
    let mut l = from_groups(base, l.as_slice(), product_length(n, base) * 5 / 8);
    for bit in (1..bits).rev() {
        let k = n >> (bit + 1);
        for digits in [&mut f, &mut l] {
            digits.resize(length(base, k), 0);
        }
        let constant = if k.is_multiple_of(2) { -2.0 } else { 2.0 };
        let share = 0.6 / f64::from(1 << bit);
        multiplication.multiply(base, &mut f, &mut l, &Wanted::ProductAndSquare { constant }, share, crew)?;
        if n >> bit & 1 == 1 {
            digits::step(base, &mut f, &mut l, true);
        }
    }
    let k = n >> 1;
    for digits in [&mut f, &mut l] {
        digits.resize(length(base, k + 1), 0);
    }
    let mut constant = 0.0;
    if n & 1 == 1 {
        digits::step(base, &mut f, &mut l, false);
        constant = if k.is_multiple_of(2) { -1.0 } else { 1.0 };
    }
    multiplication.multiply(base, &mut f, &mut l, &Wanted::Product { constant }, 0.3, crew)?;
    drop((multiplication, l));
    text::from_digits(base, &f, digit_count(n) as usize, 0.1, crew)
}

/// Digits of the last product, the longest, without those above F(n).
pub(crate) fn product_length(n: u32, base: Base) -> usize {
    2 * length(base, n / 2 + 1)
}

/// Digits for F(k) and L(k), with one more for a carry.
fn length(base: Base, k: u32) -> usize {
    (digit_count(k) as usize + 1).div_ceil(base.places as usize) + 1
}

fn from_groups(base: Base, groups: &[u64], capacity: usize) -> Vec<i32> {
    let radix = base.value as u64;
    let mut digits = Vec::with_capacity(capacity);
    let mut carry = 0;
    for &group in groups {
        let mut rest = group;
        for _ in 0..text::PLACES / base.places as usize {
            let digit = (rest % radix) as i32 + carry;
            rest /= radix;
            carry = i32::from(digit > radix as i32 / 2);
            digits.push(digit - carry * radix as i32);
        }
    }
    digits.push(carry);
    digits
}
