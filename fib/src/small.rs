//! F(n) and L(n) in groups of 18 decimal digits, by school multiplication.

use crate::{digit_count, text};

/// 10¹⁸.
const BASE: u64 = 10u64.pow(18);

/// Groups of a number in the table.
const TABLE_GROUPS: usize = 3;
/// The last index k for which F(k+1) and L(k) are below 10⁵⁴.
const LAST_IN_TABLE: u32 = 258;

/// F(k) for k up to 259.
const TABLE: [[u64; TABLE_GROUPS]; LAST_IN_TABLE as usize + 2] = {
    let mut table = [[0; TABLE_GROUPS]; LAST_IN_TABLE as usize + 2];
    table[1][0] = 1;
    let mut k = 2;
    while k < table.len() {
        let mut carry = 0;
        let mut group = 0;
        while group < TABLE_GROUPS {
            let sum = table[k - 1][group] + table[k - 2][group] + carry;
            table[k][group] = sum % BASE;
            carry = sum / BASE;
            group += 1;
        }
        k += 1;
    }
    table
};

/// A number of up to W groups, the lowest first.
#[derive(Clone, Copy)]
pub(crate) struct Groups<const W: usize> {
    groups: [u64; W],
    length: usize,
}

impl<const W: usize> Groups<W> {
    /// Returns F(k) from the table.
    fn from_table(k: u32) -> Self {
        let mut groups = [0; W];
        groups[..TABLE_GROUPS].copy_from_slice(&TABLE[k as usize]);
        Self { groups, length: TABLE_GROUPS }.trim()
    }

    pub(crate) fn as_slice(&self) -> &[u64] {
        &self.groups[..self.length]
    }

    /// Returns the product. The sum of a column has up to W terms below 10³⁶, so W must be at most 340.
    fn times(&self, other: &Self) -> Self {
        let (a, b) = (self.as_slice(), other.as_slice());
        let mut groups = [0; W];
        let length = a.len() + b.len();
        let mut carry = 0;
        for (column, out) in groups[..length].iter_mut().enumerate() {
            let first = (column + 1).saturating_sub(b.len());
            let last = a.len().min(column + 1);
            let mut sum = carry;
            if first < last {
                let b = &b[column + 1 - last..column + 1 - first];
                for (&a, &b) in a[first..last].iter().zip(b.iter().rev()) {
                    sum += u128::from(a) * u128::from(b);
                }
            }
            (carry, *out) = divide(sum);
        }
        Self { groups, length }.trim()
    }

    fn trim(mut self) -> Self {
        while self.length > 1 && self.groups[self.length - 1] == 0 {
            self.length -= 1;
        }
        self
    }

    /// Adds −2, −1, 0, 1 or 2.
    fn plus(mut self, constant: i64) -> Self {
        let mut carry = constant;
        for group in &mut self.groups {
            let sum = *group as i64 + carry;
            carry = sum.div_euclid(BASE as i64);
            *group = sum.rem_euclid(BASE as i64) as u64;
            if carry == 0 {
                break;
            }
        }
        self
    }

    /// Returns 2·self − other.
    fn twice_minus(&self, other: &Self) -> Self {
        let mut groups = [0; W];
        let mut borrow = 0;
        for (place, out) in groups[..self.length].iter_mut().enumerate() {
            let difference = 2 * self.groups[place] as i64 - other.groups[place] as i64 + borrow;
            borrow = difference.div_euclid(BASE as i64);
            *out = difference.rem_euclid(BASE as i64) as u64;
        }
        Self { groups, length: self.length }
    }

    /// Returns (self + factor·other) / 2.
    fn half_of_sum(&self, factor: u64, other: &Self) -> Self {
        let length = self.length.max(other.length) + 1;
        let mut groups = [0; W];
        let mut carry = 0;
        for (place, out) in groups[..length].iter_mut().enumerate() {
            let sum = self.groups[place] + factor * other.groups[place] + carry;
            (carry, *out) = (sum / BASE, sum % BASE);
        }
        let mut above = 0;
        for group in groups[..length].iter_mut().rev() {
            (*group, above) = (*group / 2 + above * (BASE / 2), *group % 2);
        }
        Self { groups, length }.trim()
    }
}

/// Returns the quotient and the remainder of a division by 10¹⁸.
#[inline]
fn divide(x: u128) -> (u128, u64) {
    let high = (x >> 64) as u64;
    if high < BASE {
        let (quotient, remainder) = divide_short(x);
        return (u128::from(quotient), remainder);
    }
    let (quotient, remainder) = divide_short(u128::from(high % BASE) << 64 | u128::from(x as u64));
    (u128::from(high / BASE) << 64 | u128::from(quotient), remainder)
}

/// The same for numbers below 2⁶⁴·10¹⁸ (N. Möller and T. Granlund, "Improved division by invariant integers", IEEE
/// Transactions on Computers 60, 2011, algorithm 4).
#[inline]
fn divide_short(x: u128) -> (u64, u64) {
    const SHIFT: u32 = BASE.leading_zeros();
    const DIVISOR: u64 = BASE << SHIFT;
    const RECIPROCAL: u64 = (u128::MAX / DIVISOR as u128 - (1 << 64)) as u64;
    let x = x << SHIFT;
    let (high, low) = ((x >> 64) as u64, x as u64);
    let estimate = u128::from(RECIPROCAL) * u128::from(high) + x;
    let mut quotient = ((estimate >> 64) as u64).wrapping_add(1);
    let mut remainder = low.wrapping_sub(quotient.wrapping_mul(DIVISOR));
    if remainder > estimate as u64 {
        quotient = quotient.wrapping_sub(1);
        remainder = remainder.wrapping_add(DIVISOR);
    }
    if remainder >= DIVISOR {
        quotient = quotient.wrapping_add(1);
        remainder -= DIVISOR;
    }
    (quotient, remainder >> SHIFT)
}

/// Returns 1 for an even k, else −1.
fn sign(k: u32) -> i64 {
    if k.is_multiple_of(2) { 1 } else { -1 }
}

/// Returns the number of the lowest bits of n without which it is in the table.
fn bits_beyond_table(n: u32) -> u32 {
    (n / (LAST_IN_TABLE + 1) + 1).next_power_of_two().trailing_zeros()
}

/// Returns F(n) and L(n).
pub(crate) fn pair<const W: usize>(n: u32) -> (Groups<W>, Groups<W>) {
    let bits = bits_beyond_table(n);
    let k = n >> bits;
    let (f, next) = (Groups::from_table(k), Groups::<W>::from_table(k + 1));
    let mut pair = (f, next.twice_minus(&f));
    for bit in (0..bits).rev() {
        pair = double(&pair.0, &pair.1, n >> bit);
    }
    pair
}

/// Returns F(n) as text.
pub(crate) fn fibonacci(n: u32) -> String {
    let count = digit_count(n) as usize;
    // Small numbers are copied often, so they are no longer than they must be.
    match n {
        0..=LAST_IN_TABLE => text::from_groups(&TABLE[n as usize], count),
        259..=680 => text::from_groups(groups::<8>(n).as_slice(), count),
        681..=1_370 => text::from_groups(groups::<16>(n).as_slice(), count),
        1_371..=2_750 => text::from_groups(groups::<32>(n).as_slice(), count),
        2_751..=5_500 => text::from_groups(groups::<64>(n).as_slice(), count),
        _ => text::from_groups(groups::<200>(n).as_slice(), count),
    }
}

fn groups<const W: usize>(n: u32) -> Groups<W> {
    let k = n / 2;
    let (f, l) = pair::<W>(k);
    if n.is_multiple_of(2) { f.times(&l) } else { f.half_of_sum(1, &l).times(&l).plus(-sign(k)) }
}

/// Turns F(k) and L(k) into F(m) and L(m), where m is 2k or 2k + 1.
fn double<const W: usize>(f: &Groups<W>, l: &Groups<W>, m: u32) -> (Groups<W>, Groups<W>) {
    let (f, l) = (f.times(l), l.times(l).plus(-2 * sign(m >> 1)));
    if m.is_multiple_of(2) { (f, l) } else { (l.half_of_sum(1, &f), l.half_of_sum(5, &f)) }
}
