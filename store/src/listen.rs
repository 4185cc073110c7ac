//! Listening on the Board: what others tell becomes news for this server's watchers.

use std::sync::Arc;

use futures::StreamExt;
use protocol::{EventKind, Index, Status};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    ClaimState, Heard, Notice, ReadError, Store, Topic, backoff::Backoff, copy::Provenance, store::computing,
};

/// How many results are checked and copied at once.
const CONCURRENT_COPIES: usize = 16;

impl Store {
    /// Listens until stopped, across losses of the connection.
    pub(crate) async fn listen(self: &Arc<Self>, stop: &CancellationToken) {
        let mut backoff = Backoff::default();
        while !stop.is_cancelled() {
            match self.board.subscribe(&[Topic::Insert, Topic::Events]).await {
                Ok(mut subscription) => {
                    backoff.reset();
                    tracing::info!("listening on the board");
                    // What happened while nobody listened is found by looking.
                    self.sweep_now.notify_one();
                    self.feed.start_over();
                    let tasks = TaskTracker::new();
                    let copies = Arc::new(Semaphore::new(CONCURRENT_COPIES));
                    while let Some(Some(heard)) = stop.run_until_cancelled(subscription.next()).await {
                        self.hear(heard, &tasks, &copies).await;
                    }
                    tasks.close();
                    tasks.wait().await;
                    if !stop.is_cancelled() {
                        tracing::warn!("lost the board, or fell behind it: subscribing again");
                    }
                }
                Err(error) => tracing::warn!(%error, "can't listen on the board: trying again"),
            }
            backoff.wait(stop).await;
        }
    }

    async fn hear(self: &Arc<Self>, heard: Heard, tasks: &TaskTracker, copies: &Arc<Semaphore>) {
        match heard {
            Heard::Insert(text) => match Index::from_canonical(&text) {
                Some(index) => {
                    self.heard.add(index);
                    self.sweep_now.notify_one();
                }
                None => tracing::debug!("ignored a message on `insert` that is no index"),
            },
            Heard::Notice(Notice::Changed { event }) => self.feed.send(event),
            Heard::Notice(notice) => {
                // Waiting here is the backpressure: the subscription's buffer is bounded, and who
                // falls behind it subscribes again and sweeps.
                let Ok(permit) = Arc::clone(copies).acquire_owned().await else { return };
                let store = Arc::clone(self);
                tasks.spawn(async move {
                    if let Err(error) = store.take_notice(notice).await {
                        tracing::warn!(%error, "could not take a notice: the sweep will");
                    }
                    drop(permit);
                });
            }
        }
    }

    async fn take_notice(&self, notice: Notice) -> Result<(), ReadError> {
        match notice {
            Notice::Claimed { index, worker, attempt, announced_us, claimed_us } => {
                let claim = ClaimState { worker, attempt, announced_us, claimed_us, progress: 0.0 };
                self.show_claim(index, Some(claim)).await
            }
            // The claim on the Board carries its times as well.
            Notice::Progress { index, .. } => self.show_claim(index, None).await,
            Notice::Finished { index, worker, announced_us, claimed_us, computed_us, posted_us, value } => {
                let provenance = Provenance {
                    worker: Some(worker),
                    announced_us,
                    claimed_us,
                    computed_us: Some(computed_us),
                    posted_us: Some(posted_us),
                };
                self.copy(index, value, provenance).await
            }
            Notice::GivenUp { index, reason } => self.give_up(index, &reason).await,
            Notice::Changed { .. } => Ok(()),
        }
    }

    /// Shows this server's watchers, if there are any, that an index is being computed. Every server
    /// hears the same notice and tells its own.
    async fn show_claim(&self, index: Index, claim: Option<ClaimState>) -> Result<(), ReadError> {
        if self.feed.watchers() == 0 {
            return Ok(());
        }
        let entry = match claim {
            None => self.entry(index).await?,
            Some(claim) => self.record.entry(index).await?.map(|mut entry| {
                if entry.status == Status::Pending {
                    computing(&mut entry, &claim);
                }
                entry
            }),
        };
        if let Some(entry) = entry.filter(|entry| entry.status == Status::Computing) {
            self.feed.send(protocol::Event { kind: EventKind::Computing, entry });
        }
        Ok(())
    }

    pub(crate) async fn give_up(&self, index: Index, reason: &str) -> Result<(), ReadError> {
        if let Some(entry) = self.record.give_up(index, reason).await? {
            metrics::counter!("fibstack_failures_total").increment(1);
            tracing::warn!(%index, %reason, "given up");
            self.tell(EventKind::Failed, entry).await;
        }
        Ok(())
    }
}
