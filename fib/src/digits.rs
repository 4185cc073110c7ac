//! Numbers as balanced digits.
//!
//! A digit is a whole number in an `f64`, between −b/2 and b/2, give or take a few, for a base b of 10⁶ or 10³; the
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

impl Base {
    pub(crate) fn new(places: u32) -> Self {
        Self { places, value: f64::from(10u32.pow(places)) }
    }

    /// Returns x/b, rounded, for whole numbers below 2⁵¹.
    #[inline(always)]
    pub(crate) fn quotient(self, x: f64) -> f64 {
        round(x * (1.0 / self.value))
    }
}

/// Rounds to a whole number, for numbers below 2⁵¹: adding 3·2⁵¹ leaves no room for a fraction.
#[inline(always)]
pub(crate) fn round(x: f64) -> f64 {
    const SHIFT: f64 = 3.0 * (1u64 << 51) as f64;
    (x + SHIFT) - SHIFT
}

/// Turns F(k) and L(k) into F(k+1) = (F(k) + L(k)) / 2 and, if wanted, L(k+1) = F(k+1) + 2F(k).
pub(crate) fn step(base: Base, f: &mut [f64], l: &mut [f64], with_lucas: bool) {
    let half = base.value / 2.0;
    let halved = |sum: f64| round(sum * 0.5 - 0.25);
    let (mut f_carry, mut l_carry) = (0.0, 0.0);
    let mut sum = f[0] + l[0];
    for place in 0..f.len() {
        let above = if place + 1 < f.len() { f[place + 1] + l[place + 1] } else { 0.0 };
        let odd = above - 2.0 * halved(above);
        let next = halved(sum) + odd * half;
        let lucas = next + 2.0 * f[place];
        let carry = base.quotient(next);
        f[place] = next - carry * base.value + f_carry;
        f_carry = carry;
        if with_lucas {
            let carry = base.quotient(lucas);
            l[place] = lucas - carry * base.value + l_carry;
            l_carry = carry;
        }
        sum = above;
    }
}
