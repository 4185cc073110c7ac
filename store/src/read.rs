//! Reads entries and whole values.

use std::time::Duration;

use protocol::{Entry, Index, Outcome, Status};
use tokio::time::timeout;

use crate::{BoardError, ClaimState, EnqueueReason, IndexState, RecordError, Scope, Store, Version};

/// Time limit for reading the claims from the Board. After that, entries are shown as `pending`.
const CLAIMS_TIMEOUT: Duration = Duration::from_millis(500);

/// Error of a read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The Record is unavailable.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The Board is unavailable.
    #[error(transparent)]
    Board(#[from] BoardError),
}

/// The whole value, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub enum DigitsAnswer {
    /// The index was never submitted.
    Unknown,
    /// The value is being computed, for the first time or again after its result was evicted.
    Pending(Entry),
    /// The index failed for good.
    Failed(Entry),
    /// The whole value, verified.
    Ready(String),
}

impl Store {
    /// Returns the current version of the Record, which includes every write that was acknowledged before this call.
    /// `None` if the database is down, does not respond in time, or is a standby.
    pub async fn version(&self) -> Option<Version> {
        self.versions.current().await
    }

    /// Returns a version up to which everything in `scope` is as it was at the version `since`, or `None` if
    /// something may have changed.
    #[must_use]
    pub fn unchanged(&self, scope: &Scope, since: Version) -> Option<Version> {
        self.versions.unchanged(scope, since)
    }

    /// Returns a page of entries, newest first, with positions below `before`.
    ///
    /// # Errors
    /// The Record is unavailable.
    pub async fn page(&self, before: Option<u64>, limit: u32) -> Result<Vec<Entry>, RecordError> {
        let mut entries = self.record.newest(before, limit).await?;
        self.add_claims(&mut entries).await;
        Ok(entries)
    }

    /// Returns the entry of an index, if it was ever submitted.
    ///
    /// # Errors
    /// The Record is unavailable.
    pub async fn entry(&self, index: Index) -> Result<Option<Entry>, RecordError> {
        let mut entries: Vec<_> = self.record.entry(index).await?.into_iter().collect();
        self.add_claims(&mut entries).await;
        Ok(entries.pop())
    }

    /// Returns the whole value of an index. If it was evicted, it is computed again.
    ///
    /// # Errors
    /// The Record or, for a long value, the Board is unavailable.
    pub async fn digits(&self, index: Index) -> Result<DigitsAnswer, ReadError> {
        let Some(entry) = self.entry(index).await? else { return Ok(DigitsAnswer::Unknown) };
        match (entry.status, &entry.outcome) {
            (Status::Failed, _) => Ok(DigitsAnswer::Failed(entry)),
            (Status::Done, Some(Outcome::Whole { value })) => Ok(DigitsAnswer::Ready(value.clone())),
            (Status::Done, _) => {
                if let Some(value) = self.board.result(index).await? {
                    // Anyone may have changed the field since the result was recorded, so verify again.
                    match self.verified(index, value).await {
                        Ok(value) => return Ok(DigitsAnswer::Ready(value)),
                        Err(wrong) => drop(self.board.reject(index, &wrong).await?),
                    }
                }
                let state = self.board.index_states(&[index]).await?.pop();
                // Each request after a failure starts over, since the cause may be gone.
                self.board.enqueue(index, EnqueueReason::Submission).await?;
                if let Some(IndexState::GivenUp { reason }) = state {
                    return Ok(DigitsAnswer::Failed(Entry { reason: Some(reason), ..entry }));
                }
                Ok(DigitsAnswer::Pending(entry))
            }
            (Status::Pending | Status::Computing, _) => Ok(DigitsAnswer::Pending(entry)),
        }
    }

    /// Marks pending entries that have a claim on the Board as being computed.
    async fn add_claims(&self, entries: &mut [Entry]) {
        let pending: Vec<_> = entries.iter_mut().filter(|entry| entry.status == Status::Pending).collect();
        if pending.is_empty() {
            return;
        }
        let indexes: Vec<_> = pending.iter().map(|entry| entry.index).collect();
        let Ok(Ok(states)) = timeout(CLAIMS_TIMEOUT, self.board.index_states(&indexes)).await else {
            return;
        };
        for (entry, state) in pending.into_iter().zip(states) {
            if let IndexState::Pending(Some(claim)) = state {
                set_computing(entry, &claim);
            }
        }
    }
}

/// Turns a pending entry into one that is being computed under this claim.
pub(crate) fn set_computing(entry: &mut Entry, claim: &ClaimState) {
    entry.status = Status::Computing;
    entry.revision = entry.revision.computing(claim.attempt, claim.progress);
    entry.worker = Some(claim.worker.clone());
    entry.attempt = Some(claim.attempt);
    entry.progress = Some(claim.progress.clamp(0.0, 1.0));
    entry.timeline.announced_us = Some(claim.announced_us);
    entry.timeline.claimed_us = Some(claim.claimed_us);
}
