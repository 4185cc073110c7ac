//! The number of decimal digits of F(n), without computing F(n).

/// log₁₀ φ in units of 2⁻⁹⁶, rounded down, where φ = (1 + √5) / 2 (OEIS A097348).
const LOG_PHI: u128 = 0x3580_36c8_2451_b7f3_65d3_db23;

/// log₁₀ √5 in the same units, rounded down.
const LOG_ROOT_5: u128 = 0x5977_d95e_c10c_0219_dc1d_a994;

const FRACTION_BITS: u32 = 96;

/// Returns the exact number of decimal digits of F(n).
///
/// F(n) is φⁿ/√5, rounded, so it has ⌊n·log₁₀ φ − log₁₀ √5⌋ + 1 digits from n = 2 on. The
/// logarithm can be very close to a whole number: within 2·10⁻¹⁰ at n = 519,112,806, where `f64`
/// arithmetic returns one digit too many. Here the logarithm is a fixed-point number with 96
/// fractional bits and an error below 2⁻⁶³. A run over every 32-bit n above 60 found no distance
/// smaller than 2⁻³⁶; for smaller n, the tests compare with F(n) itself.
///
/// # Examples
///
/// ```
/// assert_eq!(fib::digit_count(0), 1);
/// assert_eq!(fib::digit_count(1_000_000), 208_988);
/// ```
#[must_use]
pub fn digit_count(n: u32) -> u64 {
    if n < 2 {
        return 1;
    }
    let logarithm = u128::from(n) * LOG_PHI - LOG_ROOT_5;
    (logarithm >> FRACTION_BITS) as u64 + 1
}

#[cfg(test)]
mod tests {
    use dashu_int::UBig;

    use super::*;

    #[test]
    fn the_digit_count_matches_every_number_up_to_3000() {
        let (mut a, mut b) = (UBig::ZERO, UBig::ONE);
        for n in 0..=3_000 {
            assert_eq!(digit_count(n), a.to_string().len() as u64, "F({n})");
            (a, b) = (b.clone(), a + b);
        }
    }

    /// The indexes whose logarithm is closest to a whole number, from either side; computed with
    /// 60 decimal places.
    #[test]
    fn the_digit_count_is_exact_where_the_logarithm_is_almost_whole() {
        for (n, digits) in [
            (7_499_627, 1_567_330),
            (23_734_745, 4_960_268),
            (39_625_924, 8_281_328),
            (103_534_579, 21_637_448),
            (519_112_806, 108_488_160),
            (3_316_234_264, 693_051_974),
            (i32::MAX as u32, 448_797_540),
            (u32::MAX, 897_595_080),
        ] {
            assert_eq!(digit_count(n), digits, "F({n})");
        }
    }

    /// Checks the distance stated in the documentation of [`digit_count`]. Takes about 20 seconds:
    /// `cargo test --release -p fib -- --ignored`.
    #[test]
    #[ignore = "iterates over all 32-bit indexes"]
    fn the_error_never_reaches_the_nearest_whole_number() {
        let one = 1u128 << FRACTION_BITS;
        for n in 61..=u32::MAX {
            let fraction = (u128::from(n) * LOG_PHI - LOG_ROOT_5) & (one - 1);
            let distance = fraction.min(one - fraction);
            assert!(distance >> (FRACTION_BITS - 36) > 0, "n = {n}");
        }
    }
}
