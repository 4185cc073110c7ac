//! What the benchmarks compare `fib` with: simpler ways to the same digits.
//!
//! Run them with `cargo bench -p bench`. A time by itself says more about the machine than about
//! the code, so each benchmark runs its contenders in turn, round by round, and prints the ratios.

use dashu_int::UBig;

/// F(n) by n additions, as the definition has it: quadratic.
#[must_use]
pub fn by_addition(n: u32) -> String {
    let (mut f, mut next) = (UBig::ZERO, UBig::ONE);
    for _ in 0..n {
        f += &next;
        std::mem::swap(&mut f, &mut next);
    }
    f.to_string()
}

/// F(n) by the textbook's fast doubling on (F(k), F(k+1)): three multiplications a step, the
/// neighbour computed to the end, and the conversion that `UBig` brings along.
#[must_use]
pub fn by_plain_doubling(n: u32) -> String {
    let (mut f, mut next) = (UBig::ZERO, UBig::ONE);
    for bit in (0..u32::BITS - n.leading_zeros()).rev() {
        let even = &f * ((&next << 1usize) - &f);
        let odd = f.sqr() + next.sqr();
        (f, next) = if n >> bit & 1 == 0 {
            (even, odd)
        } else {
            let sum = even + &odd;
            (odd, sum)
        };
    }
    f.to_string()
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;

    #[test]
    fn the_baselines_and_fib_give_the_same_digits() {
        for n in [0, 1, 2, 7, 186, 187, 1_000, 12_345] {
            let digits = fib::compute(n, &mut |_| ControlFlow::Continue(()));
            assert_eq!(digits.as_deref(), Ok(by_addition(n).as_str()), "F({n})");
            assert_eq!(by_addition(n), by_plain_doubling(n), "F({n})");
        }
    }
}
