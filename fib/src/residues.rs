//! The residues of a long number modulo two primes.

use crate::modular::{FirstPrime, SecondPrime};

/// The residues modulo [`FirstPrime`] and [`SecondPrime`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Residues {
    first: u64,
    second: u64,
}

impl Residues {
    /// Returns those of F(n).
    pub(crate) fn of_fibonacci(n: u32) -> Self {
        Self { first: FirstPrime::fibonacci(n), second: SecondPrime::fibonacci(n) }
    }

    /// Returns those of a·b + c.
    fn multiply_add(self, b: Self, c: Self) -> Self {
        Self {
            first: FirstPrime::multiply_add(self.first, b.first, c.first),
            second: SecondPrime::multiply_add(self.second, b.second, c.second),
        }
    }

    /// Returns those of 10ᵏ.
    fn of_power_of_ten(exponent: u64) -> Self {
        Self { first: FirstPrime::power(10, exponent), second: SecondPrime::power(10, exponent) }
    }
}

impl From<u64> for Residues {
    /// Returns those of a number below 2⁶¹ as far as [`Residues::multiply_add`] needs: not reduced.
    fn from(number: u64) -> Self {
        Self { first: number, second: number }
    }
}

/// Numbers in base 10^`PLACES`, the lowest digit first.
pub(crate) struct Groups<const PLACES: u32>;

impl<const PLACES: u32> Groups<PLACES> {
    /// Chains of multiplications that run side by side, because each step waits for the one before.
    const CHAINS: usize = 4;

    /// Returns the residues of a number whose digits are below 2⁶¹.
    pub(crate) fn residues(groups: &[u64]) -> Residues {
        let unit = Residues::from(10u64.pow(PLACES));
        let length = groups.len() / Self::CHAINS;
        let (low, rest) = groups.split_at(length * Self::CHAINS);
        let mut sums = [Residues::default(); 4];
        for place in (0..length).rev() {
            for (chain, sum) in sums.iter_mut().enumerate() {
                *sum = sum.multiply_add(unit, low[chain * length + place].into());
            }
        }
        let mut total = Residues::default();
        for &group in rest.iter().rev() {
            total = total.multiply_add(unit, group.into());
        }
        let unit = Residues::of_power_of_ten(u64::from(PLACES) * length as u64);
        sums.iter().rev().fold(total, |total, &sum| total.multiply_add(unit, sum))
    }

    /// Returns the residues of a number of whose digits the residues are known.
    pub(crate) fn horner(groups: &[Residues]) -> Residues {
        let unit = Residues::of_power_of_ten(u64::from(PLACES));
        groups.iter().rev().fold(Residues::default(), |total, &group| total.multiply_add(unit, group))
    }
}
