//! Accepts a result: verifies it, records it and notifies watchers.

use protocol::{EventKind, Index, Outcome, WorkerId};

use crate::{Completion, ReadError, Store, now_us, spans};

/// Worker and times of a result. A foreign worker reports none of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Provenance {
    pub(crate) worker: Option<WorkerId>,
    pub(crate) announced_us: Option<u64>,
    pub(crate) claimed_us: Option<u64>,
    pub(crate) computed_us: Option<u64>,
    pub(crate) posted_us: Option<u64>,
}

impl Store {
    /// Verifies the result of an index and records it, or rejects it if it is wrong. `value` is the
    /// result if the notice contained it; otherwise it is fetched from the Board. If several servers do
    /// this at once, only one notifies watchers.
    pub(crate) async fn accept_result(
        &self,
        index: Index,
        value: Option<String>,
        provenance: Provenance,
    ) -> Result<(), ReadError> {
        let value = match value {
            Some(value) => value,
            None => match self.board.result(index).await? {
                Some(value) => value,
                None => return Ok(()),
            },
        };
        let value = match self.verified(index, value).await {
            Ok(value) => value,
            Err(wrong) => return self.reject_result(index, wrong).await,
        };
        let completion = Completion {
            outcome: Outcome::of(&value),
            worker: provenance.worker,
            announced_us: provenance.announced_us,
            claimed_us: provenance.claimed_us,
            computed_us: provenance.computed_us,
            posted_us: provenance.posted_us,
            delivered_us: Some(now_us()),
        };
        if let Some(entry) = self.record.complete(index, &completion).await? {
            metrics::counter!("fibstack_results_total").increment(1);
            tracing::info!(%index, digits = completion.outcome.digits(), "result recorded");
            if let Some(sink) = &self.spans {
                spans::of_entry(&entry).into_iter().for_each(&**sink);
            }
            self.notify_watchers(EventKind::Done, entry).await;
        }
        match self.board.mark_recorded(index, self.limits.result_budget_bytes).await {
            Ok(evicted) => self.count_evicted(&evicted),
            Err(error) => {
                // The entry is done, so no later sweep looks at it.
                self.reconcile_queue.add(index);
                return Err(error.into());
            }
        }
        Ok(())
    }

    pub(crate) fn count_evicted(&self, evicted: &[Index]) {
        if !evicted.is_empty() {
            metrics::counter!("fibstack_results_evicted_total").increment(evicted.len() as u64);
            tracing::debug!(results = evicted.len(), "evicted results");
        }
    }
}
