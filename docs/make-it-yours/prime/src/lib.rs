//! The n-th prime, by the sieve of Eratosthenes: the first is 2, the 4th is 7
//! ([OEIS A000040](https://oeis.org/A000040)).

mod job;

use std::{num::NonZero, ops::ControlFlow, time::Duration};

pub use job::{Job, JobError, Progress, Sample};

/// The job that this crate does.
pub const JOB: Job = Job {
    name: "Prime numbers",
    description: "p(n) is the n-th prime number: p(1) = 2, p(2) = 3, p(3) = 5 (OEIS A000040).",
    notation: |n| format!("p({n})"),
    lowest_index: 1,
    default_max_index: 1_000_000,
    compute,
    compute_cost: |n| Duration::from_nanos(10 * upper_bound(n)),
    verify: |n, value| value.parse().is_ok_and(|number| is_the_nth_prime(n, number)),
    // The check counts the primes again, in about 10 ns per number.
    verify_cost: |n, _| Duration::from_nanos(10 * upper_bound(n)),
    memory_bytes: |n| 64 * 1024 + upper_bound(n),
    sample: Sample { index: 1_000, value: "7919" },
};

/// How many numbers are crossed out or counted between two progress reports.
const REPORT_EVERY: usize = 1 << 16;

/// Returns a number that the n-th prime does not exceed: n (ln n + ln ln n) for n from 6 on
/// (J. B. Rosser, Proceedings of the London Mathematical Society, 1939).
fn upper_bound(n: u32) -> u64 {
    let n = f64::from(n.max(6));
    (n * (n.ln() + n.ln().ln())).ceil() as u64
}

fn compute(n: u32, _threads: NonZero<usize>, progress: Progress<'_>) -> Result<String, JobError> {
    let position = usize::try_from(n).ok().and_then(|n| n.checked_sub(1));
    let Some(position) = position else {
        return Err(JobError::Impossible("The first prime has the index 1.".to_owned()));
    };
    let limit = usize::try_from(upper_bound(n))
        .map_err(|_| JobError::Impossible("The sieve would not fit into memory.".to_owned()))?;
    let sieve = sieve(limit, progress)?;
    let prime = primes(&sieve).nth(position).expect("the bound is at least the n-th prime");
    Ok(prime.to_string())
}

/// Returns, for each number up to `limit`, whether it is composite.
fn sieve(limit: usize, progress: Progress<'_>) -> Result<Vec<bool>, JobError> {
    let mut report = |share| match progress(share) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(JobError::Stopped),
    };
    report(0.0)?;
    let mut composite = vec![false; limit + 1];
    let (root, mut since_report) = (limit.isqrt(), 0);
    for factor in 2..=root {
        if composite[factor] {
            continue;
        }
        composite[factor * factor..].iter_mut().step_by(factor).for_each(|number| *number = true);
        since_report += limit / factor;
        if since_report >= REPORT_EVERY {
            since_report = 0;
            report(factor as f64 / root as f64)?;
        }
    }
    report(1.0)?;
    Ok(composite)
}

fn primes(composite: &[bool]) -> impl Iterator<Item = usize> {
    composite.iter().enumerate().skip(2).filter(|(_, composite)| !**composite).map(|(number, _)| number)
}

fn is_the_nth_prime(n: u32, number: u64) -> bool {
    if number > upper_bound(n) {
        return false;
    }
    let Ok(limit) = usize::try_from(number) else { return false };
    let sieve = sieve(limit, &mut |_| ControlFlow::Continue(()));
    sieve.is_ok_and(|sieve| {
        sieve.get(limit) == Some(&false) && primes(&sieve).count() == usize::try_from(n).unwrap_or(0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_primes_match_a000040() {
        let first: Vec<_> = (1..=10).map(|n| JOB.value(n).unwrap()).collect();
        assert_eq!(first.join(" "), "2 3 5 7 11 13 17 19 23 29");
    }

    #[test]
    fn neighbours_and_other_texts_are_rejected() {
        assert!((JOB.verify)(4, "7"));
        for wrong in ["5", "8", "11", "0", "1", "", "-7", "seven", "99999999999"] {
            assert!(!(JOB.verify)(4, wrong), "{wrong:?}");
        }
    }

    #[test]
    fn there_is_no_prime_with_the_index_0() {
        assert!(matches!(JOB.value(0), Err(JobError::Impossible(_))));
    }
}
