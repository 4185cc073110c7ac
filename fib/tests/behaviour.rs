//! Behaviour that users of the crate can rely on.

use std::{num::NonZero, ops::ControlFlow};

use fib::{JobError, compute, digit_count, verify};
use proptest::prelude::*;

const ONE: NonZero<usize> = NonZero::<usize>::MIN;

fn f(n: u32) -> String {
    compute(n, ONE, &mut |_| ControlFlow::Continue(())).expect("the callback never stops it")
}

/// All shares that `compute` reported.
fn reported_shares(n: u32) -> Vec<f64> {
    let mut shares = Vec::new();
    let result = compute(n, ONE, &mut |share| {
        shares.push(share);
        ControlFlow::Continue(())
    });
    assert!(result.is_ok());
    shares
}

/// Adds two decimal numbers digit by digit.
fn add(a: &str, b: &str) -> String {
    let (mut a, mut b) = (a.bytes().rev(), b.bytes().rev());
    let (mut carry, mut sum) = (0, Vec::new());
    loop {
        let column = match (a.next(), b.next()) {
            (None, None) if carry == 0 => break,
            (a, b) => a.map_or(0, |d| d - b'0') + b.map_or(0, |d| d - b'0') + carry,
        };
        sum.push(char::from(b'0' + column % 10));
        carry = column / 10;
    }
    sum.into_iter().rev().collect()
}

#[test]
fn the_first_numbers_match_a000045() {
    let first: Vec<_> = (0..=12).map(f).collect();
    assert_eq!(first.join(" "), "0 1 1 2 3 5 8 13 21 34 55 89 144");
}

#[test]
fn every_number_up_to_3000_is_the_sum_of_the_previous_two_and_verifies() {
    let (mut a, mut b) = ("0".to_owned(), "1".to_owned());
    for n in 0..=3_000 {
        assert_eq!(f(n), a, "F({n})");
        assert!(verify(n, &a), "F({n})");
        let next = add(&a, &b);
        (a, b) = (b, next);
    }
}

#[test]
fn the_millionth_number_has_its_known_digits() {
    let digits = f(1_000_000);
    assert_eq!(digits.len(), 208_988);
    assert!(digits.starts_with("19532821287077577316"));
    assert!(digits.ends_with("68996526838242546875"));
    assert!(verify(1_000_000, &digits));
}

#[test]
fn digit_counts_are_exact_where_a_digit_is_added() {
    // The first index whose value has this many digits.
    let first_with = |count: u64| {
        let (mut low, mut high) = (2, 100_000);
        while low < high {
            let middle = (low + high) / 2;
            if digit_count(middle) < count {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    };
    for count in (2..=20_000).step_by(97) {
        let n = first_with(count);
        assert_eq!(f(n).len() as u64, count, "F({n})");
        assert_eq!(f(n - 1).len() as u64, count - 1, "F({})", n - 1);
    }
}

#[test]
fn progress_rises_from_zero_to_one() {
    for n in [0, 1, 186, 187, 1_000, 20_000, 300_000] {
        let shares = reported_shares(n);
        assert_eq!(shares.first(), Some(&0.0), "F({n})");
        assert_eq!(shares.last(), Some(&1.0), "F({n})");
        assert!(shares.is_sorted(), "F({n}) reported {shares:?}");
        assert!(shares.len() <= 1_026, "F({n}): {} reports", shares.len());
    }
}

#[test]
fn progress_of_a_long_computation_has_no_long_gaps() {
    let shares = reported_shares(1_000_000);
    let longest = shares.windows(2).map(|w| w[1] - w[0]).fold(0.0, f64::max);
    assert!(longest < 0.25, "the longest gap is {longest}");
}

#[test]
fn a_computation_stops_at_whichever_report_breaks() {
    for n in [0, 100, 50_000] {
        let calls = reported_shares(n).len();
        for last in 1..=calls {
            let mut call = 0;
            let result = compute(n, ONE, &mut |_| {
                call += 1;
                if call < last { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            assert_eq!(result, Err(JobError::Stopped), "F({n}), call {last} of {calls}");
            assert_eq!(call, last, "F({n}) continued after it was stopped");
        }
    }
}

#[test]
fn a_text_other_than_plain_digits_is_rejected() {
    for wrong in [
        "",
        " ",
        "1",
        "3",
        "131",
        "013",
        "+13",
        "-13",
        "13 ",
        " 13",
        "1 3",
        "13\n",
        "1,3",
        "1e1",
        "0x",
        "١٣",
        "１３",
        "Nothing yet!",
    ] {
        assert!(!verify(7, wrong), "{wrong:?}");
    }
    assert!(verify(0, "0"));
    for wrong in ["", "00", "-0", "1"] {
        assert!(!verify(0, wrong), "{wrong:?}");
    }
    assert!(!verify(1, "0"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_computed_number_verifies_and_has_the_stated_length(n in 0u32..100_000) {
        let digits = f(n);
        prop_assert!(verify(n, &digits));
        prop_assert_eq!(digits.len() as u64, digit_count(n));
    }

    #[test]
    fn the_value_of_a_neighbour_is_rejected(n in 3u32..100_000) {
        let digits = f(n);
        for other in [n - 2, n - 1, n + 1, n + 2] {
            prop_assert!(!verify(other, &digits));
        }
    }

    #[test]
    fn one_wrong_byte_is_rejected(n in 3u32..50_000, place: prop::sample::Index, byte in 0u8..128) {
        let right = f(n);
        let mut wrong = right.clone().into_bytes();
        let place = place.index(wrong.len());
        prop_assume!(wrong[place] != byte);
        wrong[place] = byte;
        prop_assert!(!verify(n, std::str::from_utf8(&wrong)?));
    }

    #[test]
    fn an_added_or_missing_digit_is_rejected(n in 3u32..50_000, place: prop::sample::Index, digit in 0u8..10) {
        let right = f(n);
        let mut longer = right.clone();
        longer.insert(place.index(right.len() + 1), char::from(b'0' + digit));
        prop_assert!(!verify(n, &longer));
        let mut shorter = right.clone();
        shorter.remove(place.index(right.len()));
        prop_assert!(!verify(n, &shorter));
    }

    #[test]
    fn two_swapped_digits_are_rejected(n in 30u32..50_000, one: prop::sample::Index, two: prop::sample::Index) {
        let right = f(n).into_bytes();
        let (one, two) = (one.index(right.len()), two.index(right.len()));
        prop_assume!(right[one] != right[two]);
        let mut wrong = right;
        wrong.swap(one, two);
        prop_assert!(!verify(n, std::str::from_utf8(&wrong)?));
    }
}
