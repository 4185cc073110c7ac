//! Prime factorisations, by trial division: 360 = 2^3 × 3^2 × 5. The value is not a number.

mod job;

use std::{num::NonZero, ops::ControlFlow, time::Duration};

pub use job::{Job, JobError, Progress, Sample};

/// The job that this crate does.
pub const JOB: Job = Job {
    name: "Prime factorisations",
    description: "The prime factors of n, such as 360 = 2^3 × 3^2 × 5.",
    notation: |n| n.to_string(),
    lowest_index: 0,
    default_max_index: 2_147_483_647,
    compute,
    compute_cost: |_| Duration::from_micros(200),
    // Dividing again costs as much as computing, at most 0.2 ms.
    verify: |n, value| JOB.value(n).as_deref() == Ok(value),
    verify_cost: |_, _| Duration::from_micros(200),
    memory_bytes: |_| 64 * 1024,
    sample: Sample { index: 360, value: "2^3 × 3^2 × 5" },
};

fn compute(n: u32, _threads: NonZero<usize>, progress: Progress<'_>) -> Result<String, JobError> {
    if progress(0.0) == ControlFlow::Break(()) {
        return Err(JobError::Stopped);
    }
    match n {
        0 => return Err(JobError::Impossible("0 is divisible by every number.".to_owned())),
        1 => return Ok("1".to_owned()),
        _ => {}
    }
    let (mut rest, mut factor, mut powers) = (n, 2, Vec::new());
    while rest > 1 {
        // What is left has no factor below this one, so it is prime.
        if u64::from(factor).pow(2) > u64::from(rest) {
            factor = rest;
        }
        let mut exponent = 0;
        while rest.is_multiple_of(factor) {
            rest /= factor;
            exponent += 1;
        }
        match exponent {
            0 => {}
            1 => powers.push(factor.to_string()),
            _ => powers.push(format!("{factor}^{exponent}")),
        }
        factor += 1;
    }
    Ok(powers.join(" × "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_are_factorised() {
        for (n, factors) in [
            (1, "1"),
            (2, "2"),
            (12, "2^2 × 3"),
            (97, "97"),
            (360, "2^3 × 3^2 × 5"),
            (1_073_741_824, "2^30"),
            (2_147_483_647, "2147483647"),
            (2_147_117_569, "46337^2"),
        ] {
            assert_eq!(JOB.value(n).as_deref(), Ok(factors), "{n}");
        }
    }

    #[test]
    fn zero_cannot_be_factorised() {
        assert!(matches!(JOB.value(0), Err(JobError::Impossible(_))));
    }

    #[test]
    fn another_factorisation_is_rejected() {
        assert!(!(JOB.verify)(12, "2 × 6") && !(JOB.verify)(12, "3 × 2^2") && (JOB.verify)(12, "2^2 × 3"));
    }
}
