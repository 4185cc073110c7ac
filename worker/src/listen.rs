//! Hearing that there is work.

use futures::StreamExt;
use protocol::Index;
use store::{Backoff, BoardError, Channel, EnqueueOutcome, EnqueueReason, Message};
use tokio_util::sync::CancellationToken;

use crate::Worker;

impl Worker {
    /// Listens on `insert` until stopped, across losses of the connection.
    pub(crate) async fn listen(&self, stop: &CancellationToken) {
        let mut backoff = Backoff::default();
        while !stop.is_cancelled() {
            let listened = self.listen_once(stop, &mut backoff).await;
            self.track_board(&listened);
            backoff.wait(stop).await;
        }
    }

    /// Listens as long as the connection lasts.
    async fn listen_once(&self, stop: &CancellationToken, backoff: &mut Backoff) -> Result<(), BoardError> {
        let Some(subscription) = stop.run_until_cancelled(self.board.subscribe(&[Channel::Insert])).await
        else {
            return Ok(());
        };
        let mut subscription = subscription?;
        let _subscribed = self.health.subscribed();
        self.track_board(&Ok::<_, BoardError>(()));
        // What was published while nobody listened stands in the hash; only now that we listen can
        // nothing slip between looking and listening.
        let relisted = store::enqueue_unlisted(&*self.board, self.settings.max_index).await?;
        if relisted > 0 {
            tracing::info!(indexes = relisted, "put what was waiting onto the pending list");
        }
        self.wake.notify_one();
        backoff.reset();
        while let Some(Some(heard)) = stop.run_until_cancelled(subscription.next()).await {
            if let Message::Insert(text) = heard {
                self.hear(&text).await?;
            }
        }
        Ok(())
    }

    /// Our own servers have put the index onto the list before they publish; a foreign one has not.
    async fn hear(&self, text: &str) -> Result<(), BoardError> {
        let index = Index::from_canonical(text).filter(|index| self.settings.max_index.allows(*index));
        let Some(index) = index else {
            tracing::debug!("ignored a message on `insert` that is no index, or one too high");
            return Ok(());
        };
        self.wake.notify_one();
        if self.board.enqueue(index, EnqueueReason::Message).await? == EnqueueOutcome::Added {
            self.wake.notify_one();
        }
        Ok(())
    }
}
