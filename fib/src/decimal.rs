//! Conversion of a binary number to decimal digits, by divide and conquer.
//!
//! The number is divided by a power of ten of half its length, again and again, until the pieces
//! are short (A. Schönhage's method: D. E. Knuth, The Art of Computer Programming, volume 2,
//! section 4.4, exercise 14; R. Brent and P. Zimmermann, Modern Computer Arithmetic, section
//! 1.7.2). `UBig`'s own `Display` does the same. This implementation reports progress, can be
//! stopped, and is faster for two reasons:
//!
//! - All pieces of a level have the same length, so every division is balanced.
//! - 10ʰ = 5ʰ·2ʰ, and dividing by 2ʰ is a shift, so the divisor is only 5ʰ, which is 30%
//!   shorter.

use dashu_int::{UBig, ops::DivRem};

use crate::progress::{Stage, Stopped};

/// Pieces of up to this many digits are left to `UBig`'s own conversion, which is quadratic up to
/// 304 digits.
const LEAF: u64 = 300;

/// Writes a number of exactly `count` digits.
pub(crate) fn digits(number: UBig, count: u64, progress: &mut Stage<'_, '_>) -> Result<String, Stopped> {
    let mut levels = 0;
    while count.div_ceil(1 << levels) > LEAF {
        levels += 1;
    }
    let leaf = to_usize(count.div_ceil(1 << levels));
    let width = leaf << levels;

    let mut conversion = Conversion {
        leaf,
        powers_of_five: powers_of_five(leaf, levels),
        shares: shares(leaf, levels),
        progress,
        out: String::with_capacity(width),
    };
    conversion.write(number, levels)?;

    // All pieces have the same length, so the first one may begin with zeros.
    let mut out = conversion.out;
    out.drain(..width - to_usize(count));
    Ok(out)
}

struct Conversion<'a, 'b, 'c> {
    /// Digits in the smallest piece. A piece at level l has `leaf << l` digits.
    leaf: usize,
    /// At position l: 5 to the power of `leaf << l`, the divisor of a piece at level l + 1.
    powers_of_five: Vec<UBig>,
    /// At position l: the cost of one piece at level l without its halves, as a share of the total.
    shares: Vec<f64>,
    progress: &'a mut Stage<'b, 'c>,
    out: String,
}

impl Conversion<'_, '_, '_> {
    /// Writes a piece at this level, padded with leading zeros to its full length.
    fn write(&mut self, piece: UBig, level: usize) -> Result<(), Stopped> {
        let Some(below) = level.checked_sub(1) else {
            return self.write_leaf(&piece);
        };
        let half = self.leaf << below;
        let (low, high) = piece.split_bits(half);
        let (quotient, remainder) = high.div_rem(&self.powers_of_five[below]);
        let remainder = (remainder << half) | low;
        self.progress.add(self.shares[level])?;
        self.write(quotient, below)?;
        self.write(remainder, below)
    }

    fn write_leaf(&mut self, piece: &UBig) -> Result<(), Stopped> {
        let digits = piece.to_string();
        self.out.extend(std::iter::repeat_n('0', self.leaf - digits.len()));
        self.out.push_str(&digits);
        self.progress.add(self.shares[0])
    }
}

fn powers_of_five(leaf: usize, levels: usize) -> Vec<UBig> {
    let mut powers = Vec::with_capacity(levels);
    if levels > 0 {
        powers.push(UBig::from(5u8).pow(leaf));
    }
    for level in 1..levels {
        powers.push(powers[level - 1].sqr());
    }
    powers
}

/// Dividing a piece of d digits costs about d·log²d (measured: a level whose pieces have 10⁵ digits
/// costs 5 times as much as one whose pieces have 300). The shares of all pieces of all levels add
/// up to 1.
fn shares(leaf: usize, levels: usize) -> Vec<f64> {
    let cost = |level: usize| ((leaf << level) as f64).log2().powi(2) + 1.0;
    let whole: f64 = (0..=levels).map(cost).sum();
    (0..=levels).map(|level| cost(level) / whole / (1u64 << (levels - level)) as f64).collect()
}

/// Converts a number of digits to `usize`.
fn to_usize(count: u64) -> usize {
    usize::try_from(count).expect("F(n) has fewer than 2^30 digits for every n of 32 bits")
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use proptest::prelude::*;

    use super::*;
    use crate::progress::Reporter;

    fn convert(number: &UBig, count: usize) -> String {
        let mut go_on = |_| ControlFlow::Continue(());
        Reporter::start(&mut go_on)
            .and_then(|mut reporter| digits(number.clone(), count as u64, &mut reporter.stage(1.0)))
            .expect("the callback never stops it")
    }

    #[test]
    fn powers_of_ten_and_their_predecessors_keep_all_zeros_and_nines() {
        for exponent in [1, 299, 300, 301, 599, 600, 601, 1_200, 5_000] {
            let power = UBig::from(10u8).pow(exponent);
            assert_eq!(convert(&power, exponent + 1), format!("1{}", "0".repeat(exponent)));
            assert_eq!(convert(&(power - 1u8), exponent), "9".repeat(exponent));
        }
    }

    #[test]
    fn the_shares_of_all_pieces_add_up_to_one() {
        for levels in 0..12 {
            let whole: f64 = shares(200, levels)
                .iter()
                .enumerate()
                .map(|(level, share)| share * f64::from(1 << (levels - level)))
                .sum();
            assert!((whole - 1.0).abs() < 1e-9, "{levels} levels: {whole}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_conversion_agrees_with_display(bytes in prop::collection::vec(any::<u8>(), 0..4_000)) {
            let number = UBig::from_le_bytes(&bytes);
            let expected = number.to_string();
            prop_assert_eq!(convert(&number, expected.len()), expected);
        }
    }
}
