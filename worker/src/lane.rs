//! A lane: claims and computes one index after another.

use std::time::Duration;

use store::{Backoff, BoardError};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{Step, Worker, attempt::run_attempt};

/// Interval at which a lane polls for work unless woken. No message announces that a retry is due or that a
/// lease expired.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

impl Worker {
    /// Drains the list, then waits for a message or the poll interval, until stopped.
    pub(crate) async fn lane(&self, stop: &CancellationToken) {
        let mut backoff = Backoff::default();
        while !stop.is_cancelled() {
            match self.step_until(stop).await {
                Ok(Step::Idle) => {
                    backoff.reset();
                    let woken = timeout(POLL_INTERVAL, self.wake.notified());
                    let _ = stop.run_until_cancelled(woken).await;
                }
                Ok(step) => {
                    backoff.reset();
                    tracing::debug!(?step, "attempt ended");
                }
                // The monitor logged the error when the outage began.
                Err(_) => backoff.wait(stop).await,
            }
        }
    }

    pub(crate) async fn step_until(&self, stop: &CancellationToken) -> Result<Step, BoardError> {
        // Must not be cancelled: a claim whose reply is lost blocks its index until the lease expires.
        let claim = self.board.claim(&self.id, self.settings.lease()).await;
        self.track_board(&claim).await;
        match claim? {
            None => Ok(Step::Idle),
            Some(claim) => {
                // More may be due: wake another lane.
                self.wake.notify_one();
                Ok(run_attempt(self, claim, stop).await)
            }
        }
    }
}
