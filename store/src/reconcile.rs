//! Reconciliation of Record and Board.

use std::collections::HashSet;

use protocol::{Entry, EventKind, Index, Status};

use crate::{BoardError, EnqueueReason, IndexState, ReadError, Store, sweep::SweepState};

/// Result of restoring pending entries.
pub(crate) struct Restored {
    /// The indexes that have a result on the Board.
    pub(crate) with_result: Vec<Index>,
    /// `Ok` if the others are on the pending list now. An error must not keep the results from being
    /// recorded: only recorded ones can be evicted to make room for the list.
    pub(crate) enqueued: Result<(), BoardError>,
}

impl Store {
    /// Reconciles Record and Board for these indexes: records those that are only on the Board, and
    /// restores pending ones that are missing from the pending list.
    pub(crate) async fn reconcile(&self, indexes: &[Index], state: &mut SweepState) -> Result<(), ReadError> {
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
                self.notify_watchers(EventKind::Submitted, entry.clone()).await;
            }
            known.extend(adopted);
        }
        let (pending, ended): (Vec<_>, Vec<_>) =
            known.into_iter().partition(|entry| entry.status == Status::Pending);
        self.mark_recorded(ended).await?;
        let restored = self.restore_pending(pending).await?;
        state.awaiting_notice.extend(restored.with_result);
        restored.enqueued.map_err(Into::into)
    }

    /// Marks the results of entries that are done, in case the server that recorded them could not;
    /// otherwise they would never be evicted.
    async fn mark_recorded(&self, mut entries: Vec<Entry>) -> Result<(), BoardError> {
        entries.retain(|entry| entry.status == Status::Done);
        let indexes: Vec<_> = entries.into_iter().map(|entry| entry.index).collect();
        if indexes.is_empty() {
            return Ok(());
        }
        for (index, state) in indexes.iter().zip(self.board.index_states(&indexes).await?) {
            if matches!(state, IndexState::Result { recorded: false, .. }) {
                self.board.mark_recorded(*index, self.limits.result_budget_bytes).await?;
            }
        }
        Ok(())
    }

    async fn found_on_board(&self, indexes: &[Index]) -> Result<Vec<Index>, BoardError> {
        if indexes.is_empty() {
            return Ok(Vec::new());
        }
        let states = self.board.index_states(indexes).await?;
        let found = indexes.iter().zip(states).filter(|(_, state)| *state != IndexState::Absent);
        Ok(found.map(|(index, _)| *index).collect())
    }

    /// Puts those of these pending entries that are missing back on the pending list, and finds those that
    /// have a result on the Board.
    pub(crate) async fn restore_pending(&self, pending: Vec<Entry>) -> Result<Restored, ReadError> {
        let mut allowed = Vec::new();
        for index in pending.into_iter().map(|entry| entry.index) {
            match self.index_range().check(index) {
                Ok(()) => allowed.push(index),
                Err(error) => self.give_up(index, &error.to_string()).await?,
            }
        }
        let (mut with_result, mut enqueued) = (Vec::new(), Ok(()));
        for (index, state) in allowed.iter().copied().zip(self.board.index_states(&allowed).await?) {
            match state {
                IndexState::Pending(_) => {}
                // After an error, which probably means that memory is full, the others would fail too.
                IndexState::Absent | IndexState::Unlisted if enqueued.is_err() => {}
                IndexState::Absent | IndexState::Unlisted => {
                    enqueued = self.board.enqueue(index, EnqueueReason::Sweep).await.map(drop);
                    if enqueued.is_ok() {
                        metrics::counter!("fibstack_swept_total").increment(1);
                        tracing::info!(%index, "restored an index to the pending list");
                    }
                }
                IndexState::Result { .. } => with_result.push(index),
                IndexState::GivenUp { reason } => self.give_up(index, &reason).await?,
            }
        }
        Ok(Restored { with_result, enqueued })
    }
}
