//! Rejects a wrong result, such as a foreign worker's.

use protocol::{EventKind, Index};

use crate::{ReadError, Store};

impl Store {
    /// Removes a wrong result and puts the index back on the pending list; the entry shows the reason.
    /// If several servers do this at once, only one notifies watchers.
    pub(crate) async fn reject_result(&self, index: Index, wrong: String) -> Result<(), ReadError> {
        if !self.board.reject(index, &wrong).await? {
            return Ok(());
        }
        metrics::counter!("fibstack_results_refused_total").increment(1);
        let reason = self.rejection(index, wrong).await;
        tracing::warn!(%index, %reason, "rejected a wrong result");
        if let Some(entry) = self.record.set_reason(index, &reason).await? {
            self.notify_watchers(EventKind::Rejected, entry).await;
        }
        Ok(())
    }

    /// Returns the reason shown to people.
    async fn rejection(&self, index: Index, wrong: String) -> String {
        const SHOWN_CHARS: usize = 24;
        // Values may contain control characters, which would garble the page and the log.
        let shown = wrong.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c });
        let shown: String = shown.take(SHOWN_CHARS).collect();
        let more = if wrong.chars().nth(SHOWN_CHARS).is_some() { "…" } else { "" };
        let hint = match self.shifted_by_one(index, wrong).await {
            Some(next) => format!(" (that is the value for index {next})"),
            None => String::new(),
        };
        format!(
            "A worker returned “{shown}{more}” for index {index}, which is wrong{hint}. \
             Index {index} will be computed again."
        )
    }

    /// Returns the next index if the wrong value is correct for that one.
    ///
    /// Compatibility: the original system's worker is off by one and posts the value of index 8 for
    /// index 7. Naming the mistake helps the operator of such a worker; nothing else depends on it, and it
    /// can be removed with the tests of compatibility with the original.
    async fn shifted_by_one(&self, index: Index, wrong: String) -> Option<Index> {
        let next = Index::try_from(index.get() + 1).ok().filter(|next| self.index_range().allows(*next))?;
        self.verified(next, wrong).await.is_ok().then_some(next)
    }
}
