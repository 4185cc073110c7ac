//! Computes F(n) as a binary number, by fast doubling.
//!
//! The pair (F(k), F(k−1)) becomes (F(2k), F(2k−1)) or (F(2k+1), F(2k)) with two squarings, and
//! the last step needs only one multiplication, since its neighbour is not used:
//!
//! - F(2k−1) = F(k)² + F(k−1)²
//! - F(2k+1) = 4F(k)² − F(k−1)² + 2(−1)ᵏ
//! - F(2k) = F(2k+1) − F(2k−1) = F(k) (F(k) + 2F(k−1))
//! - F(2k+1) = (2F(k) + F(k−1)) (2F(k) − F(k−1)) + 2(−1)ᵏ
//!
//! Sources: D. Takahashi, "A fast algorithm for computing large Fibonacci numbers", Information
//! Processing Letters 75 (2000) 243–246, for the two squarings; the formulas and the cheap last
//! step, the GMP manual, section "Fibonacci Numbers Algorithm".

use dashu_int::UBig;

use crate::progress::{Stage, Stopped};

/// The last index whose value fits into 128 bits.
const LAST_IN_U128: u32 = 186;

/// The cost of the previous doubling relative to the current one. Its numbers are half as long, and
/// multiplication is slightly worse than linear.
const COST_OF_PREVIOUS: f64 = 0.4;

/// Computes F(n).
pub(crate) fn fibonacci(n: u32, progress: &mut Stage<'_, '_>) -> Result<UBig, Stopped> {
    // Machine integers handle as many leading bits of n as fit. Each remaining bit takes one doubling.
    let mut rest = 0;
    while n >> rest > LAST_IN_U128 {
        rest += 1;
    }
    let (f, previous) = pair_in_u128(n >> rest);
    let (mut f, mut previous) = (UBig::from(f), UBig::from(previous));

    for bit in (1..rest).rev() {
        (f, previous) = double(&f, &previous, n >> bit);
        progress.add((1.0 - COST_OF_PREVIOUS) * COST_OF_PREVIOUS.powf(f64::from(bit)))?;
    }
    if rest > 0 {
        f = double_last(f, previous, n);
    }
    progress.add(1.0)?;
    Ok(f)
}

/// Returns (F(n), F(n−1)), where F(−1) = 1.
fn pair_in_u128(n: u32) -> (u128, u128) {
    // Starts at F(0) and F(−1). No sum exceeds F(n), so all of them fit for n up to 186.
    (0..n).fold((0, 1), |(f, previous), _| (f + previous, f))
}

/// Turns (F(k), F(k−1)) into (F(m), F(m−1)), where m is 2k or 2k+1.
fn double(f: &UBig, previous: &UBig, m: u32) -> (UBig, UBig) {
    let f_squared = f.sqr();
    let previous_squared = previous.sqr();
    let above = add_sign((&f_squared << 2usize) - &previous_squared, m >> 1);
    let below = f_squared + previous_squared;
    let middle = &above - &below;
    if m.is_multiple_of(2) { (middle, below) } else { (above, middle) }
}

/// Turns (F(k), F(k−1)) into F(m), where m is 2k or 2k+1.
fn double_last(f: UBig, previous: UBig, m: u32) -> UBig {
    if m.is_multiple_of(2) {
        let lucas = &f + (previous << 1usize);
        f * lucas
    } else {
        let twice = f << 1usize;
        add_sign((&twice + &previous) * (twice - previous), m >> 1)
    }
}

/// Adds 2(−1)ᵏ.
fn add_sign(x: UBig, k: u32) -> UBig {
    if k.is_multiple_of(2) { x + 2u8 } else { x - 2u8 }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use dashu_int::ops::Gcd;
    use proptest::prelude::*;

    use super::*;
    use crate::progress::Reporter;

    fn f(n: u32) -> UBig {
        let mut go_on = |_| ControlFlow::Continue(());
        Reporter::start(&mut go_on)
            .and_then(|mut reporter| fibonacci(n, &mut reporter.stage(1.0)))
            .expect("the callback never stops it")
    }

    #[test]
    fn doubling_agrees_with_addition_up_to_3000() {
        let (mut a, mut b) = (UBig::ZERO, UBig::ONE);
        for n in 0..=3_000 {
            assert_eq!(f(n), a, "F({n})");
            (a, b) = (b.clone(), a + b);
        }
    }

    #[test]
    fn the_last_index_in_128_bits_is_186() {
        let (last, previous) = pair_in_u128(LAST_IN_U128);
        assert_eq!(last.checked_add(previous), None);
        assert_eq!(UBig::from(last) + UBig::from(previous), f(187));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_addition_formula_holds(m in 1u32..60_000, n in 0u32..60_000) {
            prop_assert_eq!(f(m + n), f(m) * f(n + 1) + f(m - 1) * f(n));
        }

        #[test]
        fn cassinis_identity_holds(n in 1u32..200_000) {
            let (product, square) = (f(n - 1) * f(n + 1), f(n).sqr());
            if n % 2 == 0 {
                prop_assert_eq!(product, square + 1u8);
            } else {
                prop_assert_eq!(product + 1u8, square);
            }
        }

        #[test]
        fn the_gcd_of_two_numbers_is_the_number_at_the_gcd_of_their_indexes(m in 1u32..3_000, n in 1u32..3_000) {
            prop_assert_eq!(f(m).gcd(&f(n)), f(m.gcd(n)));
        }
    }
}
