//! Exponential backoff after repeated failures.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio_util::sync::CancellationToken;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// Exponential backoff: 0.1 s after the first failure, doubled with each one up to 5 s, with jitter.
#[derive(Debug)]
pub struct Backoff(ExponentialBackoff);

impl Default for Backoff {
    fn default() -> Self {
        let delays = ExponentialBuilder::default()
            .with_min_delay(FIRST)
            .with_max_delay(LONGEST)
            .with_jitter()
            .without_max_times();
        Self(delays.build())
    }
}

impl Backoff {
    /// Waits before the next try, or until stopped.
    pub async fn wait(&mut self, stop: &CancellationToken) {
        let delay = self.0.next().unwrap_or(LONGEST);
        let _ = stop.run_until_cancelled(tokio::time::sleep(delay)).await;
    }

    /// Starts over after a success.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}
