//! Decimal text, 18 digits at a time.

use crate::{crew::Crew, digits::Base, progress::Stopped};

/// Decimal places of a group.
pub(crate) const PLACES: usize = 18;
/// Groups per task.
const TASK: usize = 1 << 10;

/// Writes a number that has exactly `count` decimal places.
pub(crate) fn from_digits(
    base: Base,
    digits: &[f64],
    count: usize,
    share: f64,
    crew: &mut Crew<'_>,
) -> Result<String, Stopped> {
    let mut text = vec![0; count];
    let per_group = PLACES / base.places as usize;
    let tasks = text.rchunks_mut(PLACES * TASK).enumerate();
    crew.run(share, tasks, |(place, out)| write_digits(base, digits, place * TASK * per_group, out))?;
    Ok(into_string(text))
}

/// Writes the digits from this place up, the lowest to the end of `out`.
fn write_digits(base: Base, digits: &[f64], start: usize, out: &mut [u8]) {
    let radix = base.value as i64;
    // The digits below are negative if the highest of them is.
    let below = digits[..start].iter().rev().find(|&&digit| digit != 0.0);
    let mut borrow = i64::from(below.is_some_and(|&digit| digit < 0.0));
    let groups = digits[start..].chunks(PLACES / base.places as usize);
    for (out, digits) in out.rchunks_mut(PLACES).zip(groups) {
        let (mut group, mut unit) = (0, 1);
        for &digit in digits {
            let digit = digit as i64 - borrow;
            borrow = i64::from(digit < 0);
            group += (digit + borrow * radix) * unit;
            unit *= radix;
        }
        write_group(group as u64, out);
    }
}

/// Writes groups of 18 digits, the lowest first, as a number that has exactly `count` decimal places.
pub(crate) fn from_groups(groups: &[u64], count: usize) -> String {
    let mut text = vec![0; count];
    for (out, &group) in text.rchunks_mut(PLACES).zip(groups) {
        write_group(group, out);
    }
    into_string(text)
}

/// Writes the lowest `out.len()` digits of a group.
#[inline]
fn write_group(group: u64, out: &mut [u8]) {
    let mut digits = [0; PLACES];
    digits[..8].copy_from_slice(&eight_digits(group / 10_000_000_000));
    digits[8..16].copy_from_slice(&eight_digits(group / 100 % 100_000_000));
    let last = (group % 100) as u8;
    digits[16] = b'0' + last / 10;
    digits[17] = b'0' + last % 10;
    if let Ok(out) = <&mut [u8; PLACES]>::try_from(&mut *out) {
        *out = digits;
    } else {
        out.copy_from_slice(&digits[PLACES - out.len()..]);
    }
}

/// Returns a number below 10⁸ as eight ASCII digits: halves, then pairs, then digits, side by side in one word (the
/// inverse of D. Lemire, "Quickly parsing eight digits", 2018).
#[inline]
fn eight_digits(number: u64) -> [u8; 8] {
    let fours = number / 10_000 | (number % 10_000) << 32;
    // x·10486 / 2²⁰ is x / 100 for x below 10⁴, and x·103 / 2¹⁰ is x / 10 for x below 100, both rounded down.
    let hundreds = (fours * 10_486 >> 20) & 0x0000_007f_0000_007f;
    let pairs = hundreds | (fours - hundreds * 100) << 16;
    let tens = (pairs * 103 >> 10) & 0x000f_000f_000f_000f;
    let digits = tens | (pairs - tens * 10) << 8;
    (digits | 0x3030_3030_3030_3030).to_le_bytes()
}

fn into_string(text: Vec<u8>) -> String {
    String::from_utf8(text).expect("digits are ASCII")
}
