//! How many decimal digits F(n) has, without computing it.

/// log₁₀ φ in units of 2⁻⁹⁶, rounded down, where φ = (1 + √5) / 2 (OEIS A097348).
const LOG_PHI: u128 = 0x3580_36c8_2451_b7f3_65d3_db23;

/// log₁₀ √5 in the same units, rounded down.
const LOG_ROOT_5: u128 = 0x5977_d95e_c10c_0219_dc1d_a994;

const FRACTION_BITS: u32 = 96;

/// The exact number of decimal digits of F(n).
///
/// F(n) is φⁿ/√5, rounded, so it has ⌊n·log₁₀ φ − log₁₀ √5⌋ + 1 digits from n = 2 on. The
/// logarithm comes close to whole numbers: to 2·10⁻¹⁰ at n = 519,112,806, where `f64` answers one
/// digit too many. Here it is a fixed-point number with 96 bits after the point; its error stays
/// below 2⁻⁶³, and a run through every n of 32 bits found no distance smaller than 2⁻³⁶ (beyond
/// n = 60, below which the tests compare with F(n) itself).
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
    fn it_is_the_length_of_every_number_up_to_3000() {
        let (mut a, mut b) = (UBig::ZERO, UBig::ONE);
        for n in 0..=3_000 {
            assert_eq!(digit_count(n), a.to_string().len() as u64, "F({n})");
            (a, b) = (b.clone(), a + b);
        }
    }

    /// The closest approaches of the logarithm to a whole number, from either side. Computed with
    /// 60 decimal places.
    #[test]
    fn it_is_exact_where_the_logarithm_nearly_is_whole() {
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

    /// The claim in the documentation of [`digit_count`]. Takes some 20 seconds: run it with
    /// `cargo test --release -p fib -- --ignored`.
    #[test]
    #[ignore = "goes through all n of 32 bits"]
    fn no_logarithm_is_closer_to_a_whole_number_than_its_error() {
        let one = 1u128 << FRACTION_BITS;
        for n in 61..=u32::MAX {
            let fraction = (u128::from(n) * LOG_PHI - LOG_ROOT_5) & (one - 1);
            let distance = fraction.min(one - fraction);
            assert!(distance >> (FRACTION_BITS - 36) > 0, "n = {n}");
        }
    }
}
