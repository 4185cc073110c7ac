//! Relisting: what a foreign server left pending in `values` gets onto the pending list.

use protocol::MaxIndex;

use super::{Board, BoardError, Enqueue, Enqueued, Sighting};

/// How many fields are looked at in one go.
const FIELDS_PER_PAGE: u32 = 1_000;

/// Goes through `values` once and puts every allowed index that stands there as `Nothing yet!`, but
/// not on the pending list, onto it. Gives back how many those were.
///
/// A server of the original system marks an index and publishes it, and knows no pending list: a
/// worker that was not listening learns of the index only this way. So a worker does this whenever
/// it has subscribed. Nothing is published: every worker does it for itself.
///
/// # Errors
/// The Board did not answer; what was put on the list until then stays there.
pub async fn relist(board: &dyn Board, max_index: MaxIndex) -> Result<u64, BoardError> {
    let (mut cursor, mut added) = (0, 0);
    loop {
        let mut page = board.scan(cursor, FIELDS_PER_PAGE).await?;
        page.indexes.retain(|index| max_index.allows(*index));
        let sightings = board.look(&page.indexes).await?;
        for (index, sighting) in page.indexes.into_iter().zip(sightings) {
            if sighting == Sighting::Unlisted
                && board.enqueue(index, Enqueue::Heard).await? == Enqueued::Added
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
