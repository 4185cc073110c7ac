//! Tests of the parts together: each kind of multiplication against the others, and results against `dashu-int`.

use std::ops::ControlFlow;

use dashu_int::UBig;
use proptest::prelude::*;

use super::*;
use crate::{digits::Base, doubling::Wanted, progress::Stopped};

const ONE: NonZero<usize> = NonZero::<usize>::MIN;
const TWO: NonZero<usize> = ONE.saturating_add(1);

/// F(n) with another library, in binary, by additions and the textbook's doubling.
fn oracle(n: u32) -> String {
    let (mut f, mut next) = (UBig::ZERO, UBig::ONE);
    for bit in (0..u32::BITS - n.leading_zeros()).rev() {
        let even = &f * ((&next << 1usize) - &f);
        let odd = f.sqr() + next.sqr();
        (f, next) = if n >> bit & 1 == 0 { (even, odd) } else { (odd.clone(), even + odd) };
    }
    f.to_string()
}

/// Runs a computation with a callback that never stops it.
fn with_crew<T>(threads: NonZero<usize>, run: impl FnOnce(&mut Crew<'_>) -> T) -> T {
    let mut go_on = |_| ControlFlow::Continue(());
    let reporter = Reporter::start(&mut go_on).expect("the callback never stops it");
    run(&mut Crew::new(threads.get(), reporter))
}

/// F(n) with one kind of multiplication, if it passes the check.
fn by(n: u32, threads: NonZero<usize>, multiplication: impl Multiply) -> Option<String> {
    in_base(Base::of_index(n), n, threads, multiplication)
}

fn in_base(base: Base, n: u32, threads: NonZero<usize>, multiplication: impl Multiply) -> Option<String> {
    let (text, residues) =
        with_crew(threads, |crew| doubling::fibonacci(n, base, multiplication, crew)).ok()?;
    (residues == Residues::of_fibonacci(n)).then_some(text)
}

fn transform(n: u32, arch: Arch, threads: NonZero<usize>) -> Transform {
    Transform::new(arch, doubling::product_length(n, Base::of_index(n)), threads.get())
}

/// Changes a digit of one product.
struct Wrong {
    right: Transform,
    /// The products before that one.
    before: u32,
}

impl Multiply for Wrong {
    fn multiply(
        &mut self,
        base: Base,
        f: &mut Vec<i32>,
        l: &mut Vec<i32>,
        wanted: &Wanted,
        share: f64,
        crew: &mut Crew<'_>,
    ) -> Result<(), Stopped> {
        self.right.multiply(base, f, l, wanted, share, crew)?;
        if self.before == 0 {
            f[1] += 1;
        }
        self.before = self.before.wrapping_sub(1);
        Ok(())
    }
}

#[test]
fn a_wrong_product_is_noticed_and_the_exact_path_takes_over() {
    let n = 100_001;
    let expected = oracle(n);
    for before in 0..6 {
        let wrong = || Wrong { right: transform(n, Arch::new(), ONE), before };
        assert_eq!(by(n, ONE, wrong()), None, "a product after {before} others was wrong");
        let result = with_crew(ONE, |crew| checked(n, wrong(), crew));
        assert_eq!(result.as_ref(), Ok(&expected), "a product after {before} others was wrong");
    }
}

#[test]
fn progress_never_falls_when_the_exact_path_takes_over_and_it_can_be_stopped_there() {
    let n = 100_000;
    let run = |last: usize| {
        let mut shares = Vec::new();
        let mut callback = |share| {
            shares.push(share);
            if shares.len() < last { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let mut crew = Crew::new(1, Reporter::start(&mut callback).expect("not stopped yet"));
        let result = checked(n, Wrong { right: transform(n, Arch::new(), ONE), before: 0 }, &mut crew);
        (result, shares)
    };
    let (result, shares) = run(usize::MAX);
    assert_eq!(result, Ok(oracle(n)));
    assert!(shares.is_sorted(), "{shares:?}");
    let (stopped, before) = run(shares.len() - 1);
    assert_eq!((stopped, before.len()), (Err(JobError::Stopped), shares.len() - 1));
}

/// The indexes at which the shortest transform for the last product becomes longer, from either side.
fn edges(up_to: u32) -> Vec<u32> {
    let shape = |n| transform::Shape::new(doubling::product_length(n, Base::of_index(n)), 1);
    let jumps = (LAST_SMALL..up_to).filter(|&n| shape(n) != shape(n + 1));
    jumps.flat_map(|n| [n - 1, n, n + 1, n + 2]).collect()
}

#[test]
fn both_edges_of_every_length_of_the_transform_are_right_in_both_parities() {
    let edges = edges(300_000);
    assert!(edges.len() > 60, "{edges:?}");
    for n in edges {
        assert_eq!(by(n, ONE, transform(n, Arch::new(), ONE)), Some(oracle(n)), "F({n})");
    }
}

#[test]
fn the_ends_of_the_ranges_of_small_numbers_are_right() {
    for end in [258, 680, 1_370, 2_750, 5_500, LAST_SMALL] {
        for n in end - 5..end + 5 {
            assert_eq!(compute(n, ONE, &mut |_| ControlFlow::Continue(())), Ok(oracle(n)), "F({n})");
        }
    }
}

#[test]
fn two_threads_compute_the_same_as_one() {
    for n in [4_000_000, 5_345_678] {
        let one = by(n, ONE, transform(n, Arch::new(), ONE));
        assert!(one.is_some());
        assert_eq!(by(n, TWO, transform(n, Arch::new(), TWO)), one, "F({n})");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_way_to_multiply_gives_the_same_number(n in LAST_SMALL..120_000) {
        let expected = Some(oracle(n));
        prop_assert_eq!(&by(n, ONE, transform(n, Arch::new(), ONE)), &expected, "vectors");
        prop_assert_eq!(&by(n, ONE, transform(n, Arch::Scalar, ONE)), &expected, "scalars");
        prop_assert_eq!(&by(n, ONE, Exact), &expected, "exactly");

        let small = Base::new(3);
        let transform = Transform::new(Arch::new(), doubling::product_length(n, small), 1);
        prop_assert_eq!(&in_base(small, n, ONE, transform), &expected, "in the base of the longest numbers");
        prop_assert_eq!(&in_base(small, n, ONE, Exact), &expected, "exactly, in that base");
    }

    #[test]
    fn small_numbers_are_right(n in 0..LAST_SMALL) {
        prop_assert_eq!(compute(n, ONE, &mut |_| ControlFlow::Continue(())), Ok(oracle(n)));
    }
}
