//! Verification that a text is F(n), in one pass over the digits and without computing F(n).

use crate::{
    digit_count,
    residues::{Groups, Residues},
};

/// Returns true if `decimal` is F(n).
///
/// The text must consist of ASCII digits, without a sign or a leading zero, must have as many digits
/// as F(n), and must have the residues of F(n) modulo the primes 2⁶¹ − 1 and 2⁶¹ − 31. Computing the
/// residues of F(n) takes O(log n) by fast doubling; those of the text take one pass.
///
/// A text with one wrong digit is always rejected, since neither prime divides d·10ᵏ. Any other
/// wrong text passes with a probability of about 2⁻¹²². An attacker can construct a text with the
/// right residues, so this protects against mistakes, not against forgery.
///
/// # Examples
///
/// ```
/// assert!(fib::verify(7, "13"));
/// assert!(!fib::verify(7, "21"), "that is F(8)");
/// assert!(!fib::verify(7, "013"));
/// ```
#[must_use]
pub fn verify(n: u32, decimal: &str) -> bool {
    if decimal.len() as u64 != digit_count(n) || (n > 0 && decimal.starts_with('0')) {
        return false;
    }
    residues(decimal.as_bytes()) == Some(Residues::of_fibonacci(n))
}

/// Digits of a group.
const PLACES: usize = 16;
/// Groups that are parsed before their residues are taken.
const BATCH: usize = 256;

/// Returns the residues of a decimal number, or `None` if a byte is not a digit.
fn residues(decimal: &[u8]) -> Option<Residues> {
    let batches = decimal.rchunks(PLACES * BATCH).map(|batch| {
        let mut groups = [0; BATCH + 1];
        let (head, chunks) = batch.as_rchunks::<PLACES>();
        let mut first = [b'0'; PLACES];
        first[PLACES - head.len()..].copy_from_slice(head);
        for (group, chunk) in groups.iter_mut().zip(chunks.iter().rev().chain([&first])) {
            *group = sixteen_digits(*chunk)?;
        }
        Some(Groups::<{ PLACES as u32 }>::residues(&groups[..=chunks.len()]))
    });
    let batches: Vec<_> = batches.collect::<Option<_>>()?;
    Some(Groups::<{ (PLACES * BATCH) as u32 }>::horner(&batches))
}

fn sixteen_digits(chunk: [u8; PLACES]) -> Option<u64> {
    // The low half holds the first eight bytes, the high half the last eight.
    let both = u128::from_le_bytes(chunk);
    Some(eight_digits(both as u64)? * 100_000_000 + eight_digits((both >> 64) as u64)?)
}

/// Returns the value of eight ASCII digits, the first in the lowest byte. All are handled at once:
/// pairs of digits become numbers below 100, pairs of those become numbers below 10⁴, and so on
/// (D. Lemire, "Quickly parsing eight digits", 2018).
fn eight_digits(ascii: u64) -> Option<u64> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // The high half of each byte must be 3, even after adding 6, which rules out `:` to `?`.
    let high_halves = |word: u64| word & (ONES * 0xf0);
    if high_halves(ascii) != ONES * 0x30 || high_halves(ascii.wrapping_add(ONES * 6)) != ONES * 0x30 {
        return None;
    }
    let digits = ascii - ONES * 0x30;
    let pairs = (digits * 10 + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours * 10_000 + (fours >> 32)) & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn eight_digits_rejects_any_byte_that_is_not_a_digit() {
        assert_eq!(eight_digits(u64::from_le_bytes(*b"12345678")), Some(12_345_678));
        for place in 0..8 {
            for byte in 0..=u8::MAX {
                let mut bytes = *b"90909090";
                bytes[place] = byte;
                let expected = std::str::from_utf8(&bytes)
                    .ok()
                    .filter(|text| text.bytes().all(|b| b.is_ascii_digit()))
                    .and_then(|text| text.parse().ok());
                assert_eq!(eight_digits(u64::from_le_bytes(bytes)), expected, "{bytes:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn residues_match_the_number(number: u128) {
            let groups = [number % 10u128.pow(16), number / 10u128.pow(16) % 10u128.pow(16), number / 10u128.pow(32)];
            let expected = Groups::<16>::residues(&groups.map(|group| group as u64));
            prop_assert_eq!(residues(number.to_string().as_bytes()), Some(expected));
        }
    }
}
