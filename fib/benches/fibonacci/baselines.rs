//! Simpler ways to compute F(n).

use dashu_int::UBig;

/// F(n) by n additions, following the definition: quadratic.
pub(crate) fn by_addition(n: u32) -> String {
    let (mut f, mut next) = (UBig::ZERO, UBig::ONE);
    for _ in 0..n {
        f += &next;
        std::mem::swap(&mut f, &mut next);
    }
    f.to_string()
}

/// F(n) by textbook fast doubling on (F(k), F(k+1)): three multiplications per step, the neighbour
/// computed to the end, and `UBig`'s own conversion to decimal.
pub(crate) fn by_plain_doubling(n: u32) -> String {
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
