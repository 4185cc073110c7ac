//! Accepts a submission: records the index, then announces it to the workers.

use std::time::Duration;

use protocol::{Entry, EventKind, Index, Status};
use tokio::time::timeout;

use crate::{BoardError, EnqueueOutcome, EnqueueReason, RecordError, Store};

/// Time for which a submission waits for the Board. After that, the sweep announces the index.
const ANNOUNCE_TIMEOUT: Duration = Duration::from_secs(1);

impl Store {
    /// Accepts a submission. When this returns, the index is stored and its value will appear. An
    /// unavailable Board is not an error: the sweep announces the index as soon as the Board is back.
    ///
    /// # Errors
    /// The Record could not store the index; the submission was not accepted.
    pub async fn submit(&self, index: Index, accepted_us: u64) -> Result<Entry, RecordError> {
        let submission = self.record.submit(index, accepted_us).await?;
        metrics::counter!("fibstack_submissions_total").increment(1);
        match timeout(ANNOUNCE_TIMEOUT, self.announce(&submission.entry)).await {
            Ok(Ok(())) => {}
            // The sweep will try again, and logs the cause if it fails, too.
            Ok(Err(error)) => tracing::debug!(%index, %error, "failed to announce a submission"),
            Err(_) => tracing::debug!(%index, "timed out announcing a submission"),
        }
        Ok(submission.entry)
    }

    async fn announce(&self, entry: &Entry) -> Result<(), BoardError> {
        // Before the enqueue, so that watchers get this event before that of the result.
        self.notify_watchers(EventKind::Submitted, entry.clone()).await;
        if entry.status == Status::Pending
            && self.board.enqueue(entry.index, EnqueueReason::Submission).await?
                == EnqueueOutcome::AlreadyDone
        {
            // The Board has a result that is not in the Record, for instance a foreign worker's.
            self.reconcile_soon(entry.index);
        }
        Ok(())
    }
}
