//! Subscription to submissions.

use futures::StreamExt;
use protocol::Index;
use store::{Backoff, BoardError, Channel, EnqueueOutcome, EnqueueReason, Message};
use tokio_util::sync::CancellationToken;

use crate::Worker;

impl Worker {
    /// Listens on `insert` until stopped, resubscribing whenever the connection is lost.
    pub(crate) async fn listen(&self, stop: &CancellationToken) {
        let mut backoff = Backoff::default();
        while !stop.is_cancelled() {
            let listened = self.listen_once(stop, &mut backoff).await;
            self.track_board(&listened).await;
            backoff.wait(stop).await;
        }
    }

    /// Listens until the connection is lost.
    async fn listen_once(&self, stop: &CancellationToken, backoff: &mut Backoff) -> Result<(), BoardError> {
        let Some(subscription) = stop.run_until_cancelled(self.board.subscribe(&[Channel::Insert])).await
        else {
            return Ok(());
        };
        let mut subscription = subscription?;
        let _subscribed = self.health.subscribed();
        self.track_board(&Ok::<_, BoardError>(())).await;
        // Indexes published while there were no subscribers are only in the hash. Scanning it after
        // subscribing leaves no gap.
        let enqueued = store::enqueue_unlisted(&*self.board, self.settings.index_range).await?;
        if enqueued > 0 {
            tracing::info!(
                indexes = enqueued,
                "enqueued indexes that were pending only in the hash `values`"
            );
        }
        self.wake.notify_one();
        backoff.reset();
        while let Some(Some(message)) = stop.run_until_cancelled(subscription.next()).await {
            if let Message::Insert(text) = message {
                self.handle_insert(&text).await?;
            }
        }
        Ok(())
    }

    /// Handles a message on `insert`. Our servers enqueue an index before they publish it; original servers do
    /// not.
    async fn handle_insert(&self, text: &str) -> Result<(), BoardError> {
        let index = Index::from_canonical(text).filter(|index| self.settings.index_range.allows(*index));
        let Some(index) = index else {
            tracing::debug!("ignored a message on `insert` that is not an allowed index");
            return Ok(());
        };
        self.wake.notify_one();
        if self.board.enqueue(index, EnqueueReason::Message).await? == EnqueueOutcome::Added {
            self.wake.notify_one();
        }
        Ok(())
    }
}
