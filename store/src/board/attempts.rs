//! How often an index is tried, and how long is waited in between.

use std::time::Duration;

/// After this many attempts an index is given up.
pub(super) const MAX_ATTEMPTS: u32 = 5;
/// The wait after the first failed attempt; it doubles with each further one.
pub(super) const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// The longest wait.
pub(super) const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// Why an index is given up whose last attempt ended without a word. `{worker}` is put in by
/// whoever gives up: here or in `claim.lua`.
pub(super) const SILENT: &str = "given up after 5 attempts: the worker {worker} stopped without an answer";

/// How long is waited after this attempt (from 1) failed.
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
    fn the_reason_names_the_number_of_attempts() {
        assert!(SILENT.contains(&format!("after {MAX_ATTEMPTS} attempts")));
    }
}
