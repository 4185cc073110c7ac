//! Reconciliation of Record and Board.

use std::collections::HashSet;

use protocol::{Entry, EventKind, Index, Status};

use crate::{BoardError, EnqueueReason, IndexState, ReadError, Store, sweep::SweepState};

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
        known.retain(|entry| entry.status == Status::Pending);
        state.awaiting_notice.extend(self.restore_pending(known).await?);
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

    /// Puts those of these pending entries that are missing back on the pending list. Returns the
    /// indexes that have a result on the Board.
    pub(crate) async fn restore_pending(&self, pending: Vec<Entry>) -> Result<Vec<Index>, ReadError> {
        let mut allowed = Vec::new();
        for index in pending.into_iter().map(|entry| entry.index) {
            match self.index_range().check(index) {
                Ok(()) => allowed.push(index),
                Err(error) => self.give_up(index, &error.to_string()).await?,
            }
        }
        let mut with_result = Vec::new();
        for (index, state) in allowed.iter().copied().zip(self.board.index_states(&allowed).await?) {
            match state {
                IndexState::Pending(_) => {}
                IndexState::Absent | IndexState::Unlisted => {
                    self.board.enqueue(index, EnqueueReason::Sweep).await?;
                    metrics::counter!("fibstack_swept_total").increment(1);
                    tracing::info!(%index, "restored an index to the pending list");
                }
                IndexState::Result { .. } => with_result.push(index),
                IndexState::GivenUp { reason } => self.give_up(index, &reason).await?,
            }
        }
        Ok(with_result)
    }
}
