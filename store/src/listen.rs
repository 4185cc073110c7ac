//! Handles messages from the Board: submitted indexes and notices.

use std::sync::Arc;

use futures::StreamExt;
use protocol::{Event, EventKind, Index, Notice, Status, bounded};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Channel, ClaimState, Message, ReadError, Store, accept_result::Provenance, backoff::Backoff,
    read::set_computing,
};

/// Maximum number of notices handled concurrently.
const CONCURRENT_NOTICES: usize = 16;
/// Maximum length of the reason for a failure, in characters. Anyone with access to Redis can write one.
const MAX_REASON_CHARS: usize = 500;

impl Store {
    /// Subscribes to the Board and handles messages until stopped. Resubscribes when the connection is
    /// lost.
    pub(crate) async fn listen(self: &Arc<Self>, stop: &CancellationToken) {
        let mut backoff = Backoff::default();
        while !stop.is_cancelled() {
            match self.board.subscribe(&[Channel::Insert, Channel::Events]).await {
                Ok(mut subscription) => {
                    backoff.reset();
                    tracing::info!("subscribed to the board");
                    self.board_monitor.succeeded().await;
                    // Earlier messages may have been missed, so sweep, and make watchers fetch the state again.
                    self.sweep_now.notify_one();
                    self.feed.resync();
                    let tasks = TaskTracker::new();
                    let permits = Arc::new(Semaphore::new(CONCURRENT_NOTICES));
                    while let Some(Some(message)) = stop.run_until_cancelled(subscription.next()).await {
                        self.handle_message(message, &tasks, &permits).await;
                    }
                    tasks.close();
                    tasks.wait().await;
                    if !stop.is_cancelled() {
                        tracing::warn!("subscription lost or lagging; resubscribing");
                    }
                }
                Err(error) => {
                    self.board_monitor.failed("failed to subscribe to the board; retrying", &error).await;
                }
            }
            backoff.wait(stop).await;
        }
    }

    async fn handle_message(
        self: &Arc<Self>,
        message: Message,
        tasks: &TaskTracker,
        permits: &Arc<Semaphore>,
    ) {
        match message {
            Message::Insert(text) => match Index::from_canonical(&text) {
                Some(index) => self.reconcile_soon(index),
                None => tracing::debug!("ignored a message on `insert` that is not an index"),
            },
            Message::Notice(Notice::Changed { event }) => self.feed.send(&event),
            Message::Notice(notice) => {
                // Waiting here is the backpressure: the subscription's buffer is bounded, and if it
                // overflows, we resubscribe and sweep.
                let Ok(permit) = Arc::clone(permits).acquire_owned().await else { return };
                let store = Arc::clone(self);
                tasks.spawn(async move {
                    let index = notice.index();
                    if let Err(error) = store.handle_notice(notice).await {
                        tracing::debug!(%index, "failed to handle a notice; the next sweep will catch it");
                        store.log_failure("failed to handle a notice", &error).await;
                    }
                    drop(permit);
                });
            }
        }
    }

    async fn handle_notice(&self, notice: Notice) -> Result<(), ReadError> {
        match notice {
            Notice::Claimed { index, worker, attempt, announced_us, claimed_us } => {
                let claim = ClaimState { worker, attempt, announced_us, claimed_us, progress: 0.0 };
                self.show_computing(index, Some(claim)).await
            }
            // The notice lacks the claim's times, so the claim is read from the Board.
            Notice::Progress { index, .. } => self.show_computing(index, None).await,
            Notice::Finished { index, worker, announced_us, claimed_us, computed_us, posted_us, value } => {
                let provenance = Provenance {
                    worker: Some(worker),
                    announced_us,
                    claimed_us,
                    computed_us: Some(computed_us),
                    posted_us: Some(posted_us),
                };
                self.accept_result(index, value, provenance).await
            }
            Notice::GivenUp { index, reason } => self.give_up(index, &reason).await,
            Notice::Changed { .. } => Ok(()),
        }
    }

    /// Notifies this server's watchers, if any, that an index is being computed. The other servers
    /// receive the same notice and notify theirs.
    async fn show_computing(&self, index: Index, claim: Option<ClaimState>) -> Result<(), ReadError> {
        if self.feed.watchers() == 0 {
            return Ok(());
        }
        let entry = match claim {
            None => self.entry(index).await?,
            Some(claim) => self.record.entry(index).await?.map(|mut entry| {
                if entry.status == Status::Pending {
                    set_computing(&mut entry, &claim);
                }
                entry
            }),
        };
        if let Some(entry) = entry.filter(|entry| entry.status == Status::Computing) {
            self.feed.send(&Event { kind: EventKind::Computing, entry });
        }
        Ok(())
    }

    /// Records that an index failed for good.
    pub(crate) async fn give_up(&self, index: Index, reason: &str) -> Result<(), ReadError> {
        let reason = &bounded(reason, MAX_REASON_CHARS);
        if let Some(entry) = self.record.give_up(index, reason).await? {
            metrics::counter!("fibstack_failures_total").increment(1);
            tracing::warn!(%index, %reason, "gave up on an index");
            self.notify_watchers(EventKind::Failed, entry).await;
        }
        Ok(())
    }
}
