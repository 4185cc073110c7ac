//! The sweep: brings Record and Board together again, whatever went missing.

use std::{collections::HashSet, sync::Arc, time::Duration};

use protocol::{Entry, EventKind, Index, Status};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::{BoardError, Enqueue, ReadError, Sighting, Store, backoff::Backoff, copy::Provenance};

/// How often it sweeps while something is pending. Foreign workers say nothing when they answer.
const BUSY: Duration = Duration::from_secs(1);
/// How often it sweeps while nothing is.
const IDLE: Duration = Duration::from_secs(5);
/// How many pending entries one sweep looks at.
const PENDING_PER_SWEEP: u32 = 1_000;
/// How many fields of the hash one sweep looks at.
const FIELDS_PER_SWEEP: u32 = 5_000;
/// How many indexes known to be in the Record are remembered, to spare the question.
const REMEMBERED: usize = 200_000;

/// Where the sweep stands.
#[derive(Default)]
struct Progress {
    /// Position of the last pending entry looked at.
    pending_after: u64,
    /// Cursor in the hash.
    field_cursor: u64,
    /// Indexes found in the hash that the Record is known to have.
    recorded: HashSet<Index>,
    /// Results that the last sweep met before their notice. Whose notice is on its way is copied when it
    /// comes, since the notice knows who computed the value, and when; a foreign worker sends none.
    unnoticed: HashSet<Index>,
    /// Fields that are no index, in this round through the hash and as last reported.
    ignored: (u64, u64),
}

impl Store {
    /// Prepares the Record, then listens and sweeps until stopped.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        if !self.prepare(&stop).await {
            return;
        }
        if let Ok(Some(warning)) = self.board.warning().await {
            tracing::warn!("{warning}");
        }
        tokio::join!(self.listen(&stop), self.sweep_until(&stop));
    }

    async fn prepare(&self, stop: &CancellationToken) -> bool {
        let mut backoff = Backoff::default();
        loop {
            if stop.is_cancelled() {
                return false;
            }
            let prepared = self.record.prepare().await;
            // Nobody minds that it is set already.
            let _ = self.tried.set(());
            match prepared {
                Ok(adoption) => {
                    if adoption != crate::Adoption::default() {
                        tracing::info!(
                            adopted = adoption.adopted,
                            duplicates = adoption.duplicates,
                            ignored = adoption.ignored,
                            "took over the original system's table"
                        );
                    }
                    tracing::info!("the record is ready");
                    return true;
                }
                Err(error) => tracing::warn!(%error, "the record is not ready: trying again"),
            }
            backoff.wait(stop).await;
        }
    }

    async fn sweep_until(&self, stop: &CancellationToken) {
        let mut progress = Progress::default();
        let mut backoff = Backoff::default();
        while !stop.is_cancelled() {
            let pause = match self.sweep(&mut progress).await {
                Ok(true) => BUSY,
                Ok(false) => IDLE,
                Err(error) => {
                    tracing::warn!(%error, "the sweep could not finish: trying again");
                    backoff.wait(stop).await;
                    continue;
                }
            };
            backoff.reset();
            let mut tick = Instant::now() + pause;
            // Between two sweeps, what was heard is looked at as soon as it is heard.
            loop {
                let woken = timeout(tick - Instant::now(), self.sweep_now.notified());
                match stop.run_until_cancelled(woken).await {
                    None => return,
                    Some(Err(_)) => break,
                    Some(Ok(())) => {
                        let heard = self.heard.take();
                        if heard.is_empty() {
                            break;
                        }
                        if let Err(error) = self.reconcile(&heard, &mut progress).await {
                            tracing::warn!(%error, "could not look at what was heard: the sweep will");
                            break;
                        }
                        // What was heard is likely to be pending now.
                        tick = tick.min(Instant::now() + BUSY);
                    }
                }
            }
        }
    }

    /// One sweep; says whether anything is pending.
    async fn sweep(&self, progress: &mut Progress) -> Result<bool, ReadError> {
        let pending = self.record.pending(progress.pending_after, PENDING_PER_SWEEP).await?;
        let any = !pending.is_empty() || progress.pending_after > 0;
        progress.pending_after = match pending.last() {
            Some(last) if pending.len() == PENDING_PER_SWEEP as usize => last.position,
            _ => 0,
        };
        let met_before = std::mem::take(&mut progress.unnoticed);
        for index in self.put_back(pending).await? {
            if met_before.contains(&index) {
                self.copy(index, None, Provenance::default()).await?;
            } else {
                progress.unnoticed.insert(index);
            }
        }
        self.adopt_fields(progress).await?;
        Ok(any || !progress.unnoticed.is_empty())
    }

    /// Records the indexes that stand in the hash alone.
    async fn adopt_fields(&self, progress: &mut Progress) -> Result<(), ReadError> {
        let page = self.board.scan(progress.field_cursor, FIELDS_PER_SWEEP).await?;
        progress.field_cursor = page.next.unwrap_or(0);
        progress.ignored.0 += page.ignored;
        if page.next.is_none() {
            let (ignored, reported) = progress.ignored;
            if ignored > reported {
                tracing::warn!(fields = ignored, "fields of the hash `values` are no index: ignored");
            }
            progress.ignored = (0, ignored.max(reported));
        }
        let unknown: Vec<_> =
            page.indexes.into_iter().filter(|index| !progress.recorded.contains(index)).collect();
        self.reconcile(&unknown, progress).await?;
        if progress.recorded.len() + unknown.len() > REMEMBERED {
            progress.recorded.clear();
        }
        progress.recorded.extend(unknown);
        Ok(())
    }

    /// Brings Record and Board together on these indexes.
    async fn reconcile(&self, indexes: &[Index], progress: &mut Progress) -> Result<(), ReadError> {
        if indexes.is_empty() {
            return Ok(());
        }
        let mut known = self.record.entries(indexes).await?;
        let recorded: HashSet<_> = known.iter().map(|entry| entry.index).collect();
        let unknown: Vec<_> = indexes.iter().copied().filter(|index| !recorded.contains(index)).collect();
        let found = self.found_on_board(&unknown).await?;
        if !found.is_empty() {
            let adopted = self.record.adopt(&found).await?;
            for entry in &adopted {
                self.tell(EventKind::Submitted, entry.clone()).await;
            }
            known.extend(adopted);
        }
        known.retain(|entry| entry.status == Status::Pending);
        progress.unnoticed.extend(self.put_back(known).await?);
        Ok(())
    }

    async fn found_on_board(&self, indexes: &[Index]) -> Result<Vec<Index>, BoardError> {
        if indexes.is_empty() {
            return Ok(Vec::new());
        }
        let sightings = self.board.look(indexes).await?;
        let found = indexes.iter().zip(sightings).filter(|(_, sighting)| *sighting != Sighting::Absent);
        Ok(found.map(|(index, _)| *index).collect())
    }

    /// Sees to it that each of these pending entries stands on the pending list, and gives back those
    /// that have a result.
    async fn put_back(&self, pending: Vec<Entry>) -> Result<Vec<Index>, ReadError> {
        let (allowed, too_high): (Vec<_>, Vec<_>) =
            pending.into_iter().map(|entry| entry.index).partition(|index| self.max_index().allows(*index));
        for index in too_high {
            let reason = protocol::IndexError::too_high(self.max_index()).to_string();
            self.give_up(index, &reason).await?;
        }
        let mut answered = Vec::new();
        for (index, sighting) in allowed.iter().copied().zip(self.board.look(&allowed).await?) {
            match sighting {
                Sighting::Pending(_) => {}
                Sighting::Absent | Sighting::Unlisted => {
                    self.board.enqueue(index, Enqueue::Swept).await?;
                    metrics::counter!("fibstack_swept_total").increment(1);
                    tracing::info!(%index, "put back onto the pending list");
                }
                Sighting::Result { .. } => answered.push(index),
                Sighting::GivenUp { reason } => self.give_up(index, &reason).await?,
            }
        }
        Ok(answered)
    }
}
