//! One lane of work: an index after the other.

use std::time::Duration;

use store::{Backoff, BoardError};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{Step, Worker, attempt::run_attempt};

/// How often a lane looks for work unless woken. Retries fall due and leases run out without a word.
const TICK: Duration = Duration::from_secs(1);

impl Worker {
    /// Drains the list, waits for a message or a tick, and so on, until stopped.
    pub(crate) async fn lane(&self, stop: &CancellationToken) {
        let mut backoff = Backoff::default();
        while !stop.is_cancelled() {
            match self.step_until(stop).await {
                Ok(Step::Idle) => {
                    backoff.reset();
                    let woken = timeout(TICK, self.wake.notified());
                    let _ = stop.run_until_cancelled(woken).await;
                }
                Ok(step) => {
                    backoff.reset();
                    tracing::debug!(?step, "attempt over");
                }
                // Logged when it began.
                Err(_) => backoff.wait(stop).await,
            }
        }
    }

    pub(crate) async fn step_until(&self, stop: &CancellationToken) -> Result<Step, BoardError> {
        // Not cancelled half-way: a claim that was made but not heard of would wait for its lease.
        let claim = self.board.claim(&self.id, self.settings.lease()).await;
        self.heard_from_board(&claim);
        match claim? {
            None => Ok(Step::Idle),
            Some(claim) => {
                // Where one was, more may be: another lane looks.
                self.wake.notify_one();
                Ok(run_attempt(self, claim, stop).await)
            }
        }
    }
}
