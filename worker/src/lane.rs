//! A lane: claims and computes one index after another.

use std::time::Duration;

use protocol::Index;
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
            let step = self.step_until(stop).await;
            self.rest(step, &mut backoff, stop).await;
        }
    }

    /// While all lanes have long computations, computes short ones beside them.
    pub(crate) async fn short_lane(&self, stop: &CancellationToken) {
        let mut backoff = Backoff::default();
        let mut long = self.long.subscribe();
        let all_long = |long: &u32| *long == self.settings.concurrency;
        while stop.run_until_cancelled(long.wait_for(all_long)).await.is_some_and(|needed| needed.is_ok()) {
            let step = self.claim_and_run(self.settings.highest_short_index, stop).await;
            self.rest(step, &mut backoff, stop).await;
            if !all_long(&self.long.borrow()) {
                // The message that ended the rest may have been for a lane that is free again.
                self.wake.notify_one();
            }
        }
    }

    async fn rest(&self, step: Result<Step, BoardError>, backoff: &mut Backoff, stop: &CancellationToken) {
        match step {
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

    pub(crate) async fn step_until(&self, stop: &CancellationToken) -> Result<Step, BoardError> {
        self.claim_and_run(Index::MAX, stop).await
    }

    async fn claim_and_run(&self, highest: Index, stop: &CancellationToken) -> Result<Step, BoardError> {
        // Must not be cancelled: a claim whose reply is lost blocks its index until the lease expires.
        let claim = self.board.claim_up_to(highest, &self.id, self.settings.lease()).await;
        self.track_board(&claim).await;
        let Some(claim) = claim? else { return Ok(Step::Idle) };
        let long = u32::from(claim.lease.index > self.settings.highest_short_index);
        self.long.send_modify(|number| *number += long);
        // More may be due: wake another lane.
        self.wake.notify_one();
        let step = run_attempt(self, claim, stop).await;
        self.long.send_modify(|number| *number -= long);
        Ok(step)
    }
}
