//! Arithmetic modulo primes just below 2⁶¹.
//!
//! A prime 2⁶¹ − c with a small c (a pseudo-Mersenne prime) reduces without division, since
//! 2⁶¹ ≡ c: the bits above the lowest 61 are multiplied by c and added to the lowest 61 (R. Crandall,
//! US patent 5,159,632 of 1992, expired; Handbook of Applied Cryptography, algorithm 14.47).

const BITS: u32 = 61;
const LOW: u128 = (1 << BITS) - 1;

/// Arithmetic modulo 2⁶¹ − `C`, on numbers below the modulus. `C` is at most 31.
pub(crate) struct Modulo<const C: u64>;

/// The Mersenne prime M₆₁.
pub(crate) type FirstPrime = Modulo<1>;
/// The largest prime below M₆₁.
pub(crate) type SecondPrime = Modulo<31>;

impl<const C: u64> Modulo<C> {
    pub(crate) const MODULUS: u64 = (1 << BITS) - C;

    /// Reduces x, which must be below 2¹²³.
    fn reduce(x: u128) -> u64 {
        // Below 2⁶⁷ after the first fold, below 2⁶¹ + 2¹¹ after the second.
        let once = (x >> BITS) * u128::from(C) + (x & LOW);
        let twice = ((once >> BITS) * u128::from(C) + (once & LOW)) as u64;
        if twice >= Self::MODULUS { twice - Self::MODULUS } else { twice }
    }

    pub(crate) fn add(a: u64, b: u64) -> u64 {
        Self::reduce(u128::from(a) + u128::from(b))
    }

    pub(crate) fn subtract(a: u64, b: u64) -> u64 {
        Self::add(a, Self::MODULUS - b)
    }

    pub(crate) fn multiply(a: u64, b: u64) -> u64 {
        Self::reduce(u128::from(a) * u128::from(b))
    }

    /// Returns a·b + c, where a is below the modulus, and b and c are below 2⁶¹.
    pub(crate) fn multiply_add(a: u64, b: u64, c: u64) -> u64 {
        Self::reduce(u128::from(a) * u128::from(b) + u128::from(c))
    }

    /// Returns the power of a number below the modulus.
    pub(crate) fn power(base: u64, exponent: u64) -> u64 {
        (0..u64::BITS - exponent.leading_zeros()).rev().fold(1, |x, bit| {
            let square = Self::multiply(x, x);
            if exponent >> bit & 1 == 0 { square } else { Self::multiply(square, base) }
        })
    }

    /// Returns F(n), by fast doubling on (F(k), F(k+1)): F(2k) = F(k) (2F(k+1) − F(k)) and
    /// F(2k+1) = F(k)² + F(k+1)².
    pub(crate) fn fibonacci(n: u32) -> u64 {
        let (mut f, mut next) = (0, 1);
        for bit in (0..u32::BITS - n.leading_zeros()).rev() {
            let even = Self::multiply(f, Self::subtract(Self::add(next, next), f));
            let odd = Self::add(Self::multiply(f, f), Self::multiply(next, next));
            (f, next) = if n >> bit & 1 == 0 { (even, odd) } else { (odd, Self::add(even, odd)) };
        }
        f
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The Miller–Rabin test, which is exact for 64 bits with the first twelve primes as bases
    /// (J. Sorenson and J. Webster, Mathematics of Computation 86, 2017).
    fn is_prime<const C: u64>() -> bool {
        let p = Modulo::<C>::MODULUS;
        let twos = (p - 1).trailing_zeros();
        [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37].into_iter().all(|base| {
            let mut x = Modulo::<C>::power(base, (p - 1) >> twos);
            x == 1
                || (0..twos).any(|_| {
                    let found = x == p - 1;
                    x = Modulo::<C>::multiply(x, x);
                    found
                })
        })
    }

    #[test]
    fn both_moduli_are_prime() {
        assert!(is_prime::<1>());
        assert!(is_prime::<31>());
        assert!(!is_prime::<3>(), "the test must reject a composite number");
    }

    #[test]
    fn the_residues_follow_the_recurrence() {
        let (mut a, mut b) = (0, 1);
        for n in 0..5_000 {
            assert_eq!(SecondPrime::fibonacci(n), a, "F({n})");
            (a, b) = (b, SecondPrime::add(a, b));
        }
    }

    proptest! {
        #[test]
        fn reduction_agrees_with_division(
            a in 0..SecondPrime::MODULUS, b in 0..1u64 << 61, c in 0..1u64 << 61
        ) {
            let exact = u128::from(a) * u128::from(b) + u128::from(c);
            let (p, q) = (FirstPrime::MODULUS, SecondPrime::MODULUS);
            prop_assert_eq!(u128::from(FirstPrime::multiply_add(a, b, c)), exact % u128::from(p));
            prop_assert_eq!(u128::from(SecondPrime::multiply_add(a, b, c)), exact % u128::from(q));
            prop_assert_eq!(SecondPrime::add(SecondPrime::subtract(a, 7), 7), a);
        }
    }
}
