//! Enqueues indexes that a foreign server left pending in `values`.

use protocol::IndexRange;

use super::{Board, BoardError, EnqueueOutcome, EnqueueReason, IndexState};

/// Number of fields per page.
const FIELDS_PER_PAGE: u32 = 1_000;

/// Scans `values` once and enqueues every allowed index that is `Nothing yet!` there but not on the
/// pending list. Returns how many were added.
///
/// A server of the original system writes and publishes an index but does not know the pending list,
/// so a worker that was not listening has no other way to find it. Workers call this after each
/// subscription. Nothing is published, since every worker does it for itself.
///
/// # Errors
/// The Board is unavailable. Indexes that were added before stay on the list.
pub async fn enqueue_unlisted(board: &dyn Board, allowed: IndexRange) -> Result<u64, BoardError> {
    let (mut cursor, mut added) = (0, 0);
    loop {
        let mut page = board.scan(cursor, FIELDS_PER_PAGE).await?;
        page.indexes.retain(|index| allowed.allows(*index));
        let states = board.index_states(&page.indexes).await?;
        for (index, state) in page.indexes.into_iter().zip(states) {
            if state == IndexState::Unlisted
                && board.enqueue(index, EnqueueReason::Message).await? == EnqueueOutcome::Added
            {
                added += 1;
            }
        }
        match page.next {
            Some(next) => cursor = next,
            None => return Ok(added),
        }
    }
}
