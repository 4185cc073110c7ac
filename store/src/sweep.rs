//! The sweep: periodically compares Record and Board and restores what is missing.

use std::{collections::HashSet, time::Duration};

use protocol::Index;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::{ReadError, RecordError, Store, accept_result::Provenance, backoff::Backoff};

/// Interval between sweeps while something is pending. Foreign workers publish nothing when they post.
const BUSY: Duration = Duration::from_secs(1);
/// Interval between sweeps while nothing is pending.
const IDLE: Duration = Duration::from_secs(5);
/// Number of pending entries checked per sweep.
const PENDING_PER_SWEEP: u32 = 1_000;
/// Number of fields of `values` scanned per sweep.
const FIELDS_PER_SWEEP: u32 = 5_000;
/// Maximum number of indexes remembered as being in the Record.
const CACHED_INDEXES: usize = 200_000;

/// State kept between sweeps.
#[derive(Default)]
pub(crate) struct SweepState {
    /// Position of the last pending entry that was checked.
    pending_after: u64,
    /// Cursor of the scan of `values`.
    field_cursor: u64,
    /// Indexes found in `values` that are known to be in the Record.
    recorded: HashSet<Index>,
    /// Results found by the last sweep. If one is still not recorded at the next sweep, it is accepted
    /// then: foreign workers send no notice. Until then we wait for the notice, because it contains the
    /// worker and the times.
    pub(crate) awaiting_notice: HashSet<Index>,
    /// Number of fields that are not indexes: in this scan, and as last logged.
    ignored: (u64, u64),
}

impl Store {
    /// Queues an index to be reconciled without waiting for the next sweep.
    pub(crate) fn reconcile_soon(&self, index: Index) {
        self.reconcile_queue.add(index);
        self.sweep_now.notify_one();
    }

    /// Sweeps until stopped.
    pub(crate) async fn sweep_until(&self, stop: &CancellationToken) {
        let mut state = SweepState::default();
        let mut backoff = Backoff::default();
        while !stop.is_cancelled() {
            let pause = match self.sweep(&mut state).await {
                Ok(true) => BUSY,
                Ok(false) => IDLE,
                Err(error) => {
                    self.log_failure("sweep failed; retrying", &error).await;
                    if matches!(error, ReadError::Record(RecordError::NotReady)) {
                        // The database was dropped and created again, so forget everything known about it.
                        self.prepare(stop).await;
                        state = SweepState::default();
                    } else {
                        backoff.wait(stop).await;
                    }
                    continue;
                }
            };
            backoff.reset();
            self.board_monitor.succeeded().await;
            let mut tick = Instant::now() + pause;
            // Between two sweeps, queued indexes are reconciled as they arrive.
            loop {
                let woken = timeout(tick - Instant::now(), self.sweep_now.notified());
                match stop.run_until_cancelled(woken).await {
                    None => return,
                    Some(Err(_)) => break,
                    Some(Ok(())) => {
                        let indexes = self.reconcile_queue.take();
                        if indexes.is_empty() {
                            break;
                        }
                        if let Err(error) = self.reconcile(&indexes, &mut state).await {
                            indexes.into_iter().for_each(|index| self.reconcile_queue.add(index));
                            self.log_failure("failed to reconcile; the next sweep will retry", &error).await;
                            break;
                        }
                        // They are probably pending now.
                        tick = tick.min(Instant::now() + BUSY);
                    }
                }
            }
        }
    }

    /// Logs the failure of a background task. The cause of an outage of the Board is logged only once.
    pub(crate) async fn log_failure(&self, what: &str, error: &ReadError) {
        match error {
            ReadError::Board(error) => self.board_monitor.failed(what, error).await,
            ReadError::Record(error) => tracing::warn!(%error, "{what}"),
        }
    }

    /// Sweeps once; returns true if anything is pending.
    async fn sweep(&self, state: &mut SweepState) -> Result<bool, ReadError> {
        // Left over from an error; otherwise they are reconciled as they arrive.
        let queued = self.reconcile_queue.take();
        let reconciled = self.reconcile(&queued, state).await;
        if reconciled.is_err() {
            queued.into_iter().for_each(|index| self.reconcile_queue.add(index));
        }
        let pending = self.record.pending(state.pending_after, PENDING_PER_SWEEP).await?;
        let any = !pending.is_empty() || state.pending_after > 0;
        state.pending_after = match pending.last() {
            Some(last) if pending.len() == PENDING_PER_SWEEP as usize => last.position,
            _ => 0,
        };
        let awaited = std::mem::take(&mut state.awaiting_notice);
        let restored = self.restore_pending(pending).await?;
        for index in restored.with_result {
            if awaited.contains(&index) {
                self.accept_result(index, None, Provenance::default()).await?;
            } else {
                state.awaiting_notice.insert(index);
            }
        }
        // The budget may have shrunk: its setting or Redis's memory may have changed.
        self.count_evicted(&self.board.evict(self.limits.result_budget_bytes).await?);
        self.sweep_fields(state).await?;
        // Only now: an index that cannot be enqueued must not keep results from being recorded.
        reconciled?;
        restored.enqueued?;
        Ok(any || !state.awaiting_notice.is_empty())
    }

    /// Reconciles the next page of the fields of `values`, to find indexes that are only there.
    async fn sweep_fields(&self, state: &mut SweepState) -> Result<(), ReadError> {
        let page = self.board.scan(state.field_cursor, FIELDS_PER_SWEEP).await?;
        state.field_cursor = page.next.unwrap_or(0);
        state.ignored.0 += page.ignored;
        if page.next.is_none() {
            let (ignored, reported) = state.ignored;
            if ignored > reported {
                tracing::warn!(fields = ignored, "ignored fields of `values` that are not indexes");
            }
            state.ignored = (0, ignored.max(reported));
        }
        let unknown: Vec<_> =
            page.indexes.into_iter().filter(|index| !state.recorded.contains(index)).collect();
        self.reconcile(&unknown, state).await?;
        if state.recorded.len() + unknown.len() > CACHED_INDEXES {
            state.recorded.clear();
        }
        state.recorded.extend(unknown);
        Ok(())
    }
}
