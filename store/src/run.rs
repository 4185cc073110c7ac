//! The store's background work: prepares the Record, then listens and sweeps.

use std::{collections::BTreeSet, sync::Arc};

use tokio_util::sync::CancellationToken;

use crate::{Adoption, Store, backoff::Backoff};

/// Maximum number of causes that are logged while the database cannot be prepared.
const MAX_LOGGED: usize = 20;

impl Store {
    /// Prepares the Record, then listens to the Board and sweeps until stopped. Sends heartbeats to watchers all the
    /// time, since they may watch while the database is down.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let heartbeats = stop.run_until_cancelled(self.feed.send_heartbeats());
        let work = async {
            if self.prepare(&stop).await {
                self.board_monitor.health().await;
                tokio::join!(self.listen(&stop), self.sweep_until(&stop));
            }
        };
        tokio::join!(heartbeats, work);
    }

    /// Retries until the Record is prepared; returns false if stopped before.
    pub(crate) async fn prepare(&self, stop: &CancellationToken) -> bool {
        let mut backoff = Backoff::default();
        let mut logged = BTreeSet::new();
        loop {
            if stop.is_cancelled() {
                return false;
            }
            let prepared = self.record.prepare().await;
            // Fails only if already set.
            let _ = self.preparation_attempted.set(());
            match prepared {
                Ok(adoption) => {
                    if adoption != Adoption::default() {
                        tracing::info!(
                            adopted = adoption.adopted,
                            duplicates = adoption.duplicates,
                            ignored = adoption.ignored,
                            "adopted the original system's table"
                        );
                    }
                    tracing::info!("database ready");
                    return true;
                }
                Err(error) => {
                    // Log each cause once, even if several alternate.
                    if logged.len() < MAX_LOGGED && logged.insert(error.to_string()) {
                        tracing::warn!(%error, "failed to prepare the database; retrying");
                    }
                }
            }
            backoff.wait(stop).await;
        }
    }
}
