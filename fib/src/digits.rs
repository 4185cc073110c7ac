//! Numbers as balanced digits.
//!
//! A digit is a whole number between −b/2 and b/2, give or take a few, for a base b of 10⁶ or 10³; the
//! lowest is first. Digits of either sign keep the coefficients of products small: they grow like the square root of
//! the length (R. Crandall and B. Fagin, "Discrete weighted transforms and large-integer arithmetic", Mathematics of
//! Computation 62, 1994, section 6). Since a digit may exceed b/2 a little, carries move only a few places, and all
//! of them are handled at once.

pub(crate) mod carry;

/// A power of ten in which numbers are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Base {
    /// Decimal places per digit: 6 or 3.
    pub(crate) places: u32,
    pub(crate) value: f64,
}

/// From this index on, rounding errors would be too large in base 10⁶.
const FIRST_IN_SMALL_BASE: u32 = 150_000_000;

impl Base {
    /// Returns the base in which F(n) is computed.
    pub(crate) fn of_index(n: u32) -> Self {
        Self::new(if n < FIRST_IN_SMALL_BASE { 6 } else { 3 })
    }

    pub(crate) fn new(places: u32) -> Self {
        Self { places, value: f64::from(10u32.pow(places)) }
    }

    /// Returns x/b, rounded, for whole numbers below 2⁵¹.
    #[inline(always)]
    pub(crate) fn quotient(self, x: f64) -> f64 {
        round(x * (1.0 / self.value))
    }
}

/// 3·2⁵¹. Added to a number below 2⁵¹, it leaves no room for a fraction, and the lowest bits are those of the rounded
/// number as an integer.
const SHIFT: f64 = 3.0 * (1u64 << 51) as f64;

/// Rounds to a whole number, for numbers below 2⁵¹.
#[inline(always)]
pub(crate) fn round(x: f64) -> f64 {
    (x + SHIFT) - SHIFT
}

/// Converts a whole number below 2³¹.
#[inline(always)]
pub(crate) fn to_integer(x: f64) -> i32 {
    (x + SHIFT).to_bits() as i32
}

/// Turns F(k) and L(k) into F(k+1) = (F(k) + L(k)) / 2 and, if wanted, L(k+1) = F(k+1) + 2F(k).
pub(crate) fn step(base: Base, f: &mut [i32], l: &mut [i32], with_lucas: bool) {
    let (radix, half) = (base.value as i32, base.value as i32 / 2);
    // No sum below exceeds 3b/2 by more than a few.
    let carry_of = |sum: i32| i32::from(sum > half) - i32::from(sum < -half);
    let (mut f_carry, mut l_carry) = (0, 0);
    let mut sum = f[0] + l[0];
    for place in 0..f.len() {
        // Half of an odd digit passes half of the base to the digit below.
        let above = if place + 1 < f.len() { f[place + 1] + l[place + 1] } else { 0 };
        let next = (sum >> 1) + (above & 1) * half;
        let carry = carry_of(next);
        let next = next - carry * radix + f_carry;
        f_carry = carry;
        if with_lucas {
            let lucas = next + 2 * f[place];
            let carry = carry_of(lucas);
            l[place] = lucas - carry * radix + l_carry;
            l_carry = carry;
        }
        (f[place], sum) = (next, above);
    }
}
