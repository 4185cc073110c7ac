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

use pulp::Arch;

use crate::{
    crew::Crew,
    digit_count,
    digits::{self, Base},
    progress::Stopped,
    small, text,
    transform::{Transform, Wanted},
};

/// The highest index whose pair is computed by school multiplication.
const START: u32 = 2_500;
const START_GROUPS: usize = 32;

/// Computes F(n) as text.
pub(crate) fn fibonacci(n: u32, arch: Arch, crew: &mut Crew<'_>) -> Result<String, Stopped> {
    let count = digit_count(n) as usize;
    let base = Base::new(if n < 150_000_000 { 6 } else { 3 });
    let mut bits = 1;
    while n >> bits > START {
        bits += 1;
    }
    let (f, l) = small::pair::<START_GROUPS>(n >> bits);
    let [mut f, mut l] = [f, l].map(|groups| from_groups(base, groups.as_slice(), 2 * length(base, n / 2)));
    let mut transform = Transform::new(arch, 2 * length(base, n / 2 + 1), crew.threads());
    for bit in (1..bits).rev() {
        let k = n >> (bit + 1);
        for digits in [&mut f, &mut l] {
            digits.resize(length(base, k), 0.0);
        }
        let constant = if k.is_multiple_of(2) { -2.0 } else { 2.0 };
        let share = 0.6 / f64::from(1 << bit);
        transform.multiply(base, &mut f, &mut l, &Wanted::ProductAndSquare { constant }, share, crew)?;
        if n >> bit & 1 == 1 {
            digits::step(base, &mut f, &mut l, true);
        }
    }
    let k = n >> 1;
    for digits in [&mut f, &mut l] {
        digits.resize(length(base, k + 1), 0.0);
    }
    let mut constant = 0.0;
    if n & 1 == 1 {
        digits::step(base, &mut f, &mut l, false);
        constant = if k.is_multiple_of(2) { -1.0 } else { 1.0 };
    }
    transform.multiply(base, &mut f, &mut l, &Wanted::Product { constant }, 0.3, crew)?;
    drop((transform, l));
    text::from_digits(base, &f, count, 0.1, crew)
}

/// Digits for F(k) and L(k), with one more for a carry.
fn length(base: Base, k: u32) -> usize {
    (digit_count(k) as usize + 1).div_ceil(base.places as usize) + 1
}

fn from_groups(base: Base, groups: &[u64], capacity: usize) -> Vec<f64> {
    let mut digits = Vec::with_capacity(capacity);
    let mut carry = 0.0;
    for &group in groups {
        let mut rest = group;
        for _ in 0..text::PLACES / base.places as usize {
            let digit = (rest % base.value as u64) as f64 + carry;
            rest /= base.value as u64;
            carry = base.quotient(digit);
            digits.push(digit - carry * base.value);
        }
    }
    digits.push(carry);
    digits
}
