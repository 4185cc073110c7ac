//! Number of attempts per index, and the wait between them.

use std::time::Duration;

/// Number of attempts after which an index is given up.
pub(super) const MAX_ATTEMPTS: u32 = 5;
/// Wait after the first failed attempt; doubles with each one.
pub(super) const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// Longest wait.
pub(super) const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// Reason for giving up an index whose last lease expired. `{worker}` is replaced here or in
/// `claim.lua`.
pub(super) const LEASE_EXPIRED: &str = "given up after 5 attempts: worker {worker} stopped responding";

/// Wait after this attempt (from 1) failed.
pub(super) fn backoff(attempt: u32) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16);
    (FIRST_BACKOFF * 2_u32.pow(doublings)).min(LONGEST_BACKOFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_limit() {
        let seconds: Vec<_> = (1..=7).map(|attempt| backoff(attempt).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(backoff(u32::MAX), LONGEST_BACKOFF);
    }

    #[test]
    fn the_reason_states_the_number_of_attempts() {
        assert!(LEASE_EXPIRED.contains(&format!("after {MAX_ATTEMPTS} attempts")));
    }
}
