//! Copying a result from the Board into the Record: the one place where values are checked.

use std::time::{SystemTime, UNIX_EPOCH};

use protocol::{EventKind, Index, Outcome, WorkerId};

use crate::{Completion, ReadError, Store, spans};

/// What our own worker tells beside the value; a foreign one tells nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Provenance {
    pub(crate) worker: Option<WorkerId>,
    pub(crate) announced_us: Option<u64>,
    pub(crate) claimed_us: Option<u64>,
    pub(crate) computed_us: Option<u64>,
    pub(crate) posted_us: Option<u64>,
}

impl Store {
    /// Checks the result of an index (`value`, when the message brought it along) and copies it into
    /// the Record. Of several servers that do this at once, one tells. A wrong value counts as absent:
    /// the index goes back onto the pending list, with the reason shown.
    pub(crate) async fn copy(
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
            Err(wrong) => return self.refuse(index, &wrong).await,
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
            tracing::info!(%index, digits = completion.outcome.digits(), "done");
            if let Some(tell) = &self.spans {
                spans::of_entry(&entry).into_iter().for_each(&**tell);
            }
            self.tell(EventKind::Done, entry).await;
        }
        let evicted = self.board.copied(index, self.limits.result_budget_bytes).await?;
        if !evicted.is_empty() {
            metrics::counter!("fibstack_results_evicted_total").increment(evicted.len() as u64);
            tracing::debug!(results = evicted.len(), "evicted");
        }
        Ok(())
    }

    async fn refuse(&self, index: Index, wrong: &str) -> Result<(), ReadError> {
        if !self.board.reject(index, wrong).await? {
            return Ok(());
        }
        metrics::counter!("fibstack_results_refused_total").increment(1);
        let reason = self.why_wrong(index, wrong);
        tracing::warn!(%index, %reason, "refused a result");
        if let Some(entry) = self.record.explain(index, &reason).await? {
            self.tell(EventKind::Submitted, entry).await;
        }
        Ok(())
    }

    fn why_wrong(&self, index: Index, wrong: &str) -> String {
        const SHOWN_CHARS: usize = 24;
        let shown: String = wrong.chars().take(SHOWN_CHARS).collect();
        let more = if wrong.chars().nth(SHOWN_CHARS).is_some() { "…" } else { "" };
        let shifted = (self.verify)(index.get().saturating_add(1), wrong);
        let hint = if shifted { ", the value of the index after it" } else { "" };
        format!(
            "A worker answered {index} with “{shown}{more}”{hint}, which is wrong. It waits to be computed again."
        )
    }
}

/// Now, in microseconds since 1970-01-01 UTC.
#[must_use]
pub fn now_us() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX)
}
