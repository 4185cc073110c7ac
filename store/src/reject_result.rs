//! Rejects a wrong result, such as a foreign worker's.

use protocol::{EventKind, Index};

use crate::{ReadError, Store, verify::is_correct};

impl Store {
    /// Removes a wrong result and puts the index back on the pending list; the entry shows the reason.
    /// If several servers do this at once, only one notifies watchers.
    pub(crate) async fn reject_result(&self, index: Index, wrong: &str) -> Result<(), ReadError> {
        if !self.board.reject(index, wrong).await? {
            return Ok(());
        }
        metrics::counter!("fibstack_results_refused_total").increment(1);
        let reason = self.rejection(index, wrong);
        tracing::warn!(%index, %reason, "rejected a wrong result");
        if let Some(entry) = self.record.set_reason(index, &reason).await? {
            self.notify_watchers(EventKind::Rejected, entry).await;
        }
        Ok(())
    }

    /// The reason shown to people.
    fn rejection(&self, index: Index, wrong: &str) -> String {
        const SHOWN_CHARS: usize = 24;
        // Not even control characters are ruled out; PostgreSQL cannot store all of them.
        let shown = wrong.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c });
        let shown: String = shown.take(SHOWN_CHARS).collect();
        let more = if wrong.chars().nth(SHOWN_CHARS).is_some() { "…" } else { "" };
        // The original system's worker is off by one.
        let next = Index::try_from(index.get() + 1).ok().filter(|next| self.max_index().allows(*next));
        let hint = match next {
            Some(next) if is_correct(&self.verify, next.get(), wrong) => {
                format!(" (that is the value for index {next})")
            }
            _ => String::new(),
        };
        format!(
            "A worker returned “{shown}{more}” for index {index}, which is wrong{hint}. \
             Index {index} will be computed again."
        )
    }
}
