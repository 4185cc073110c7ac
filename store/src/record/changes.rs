//! Changes of the Record since an earlier read.

use protocol::Index;

use super::RecordError;
use super::row::{ChangeRow, RowRef};

/// Maximum number of changes that are listed. If there are more, everything counts as changed.
pub(super) const LISTED_CHANGES: usize = 1_000;

/// A state of the Record, for comparison with a later one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mark {
    /// The database server and the connections to it: only marks with the same value are comparable. A
    /// standby that was promoted may lack transactions that its predecessor had, and may use their ids again.
    pub(super) origin: String,
    /// The transactions, or the changes, that are visible.
    pub(super) snapshot: String,
    /// Number of deletions so far.
    pub(super) deletions: i64,
}

/// Changes since an earlier state.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Changes {
    /// These entries have changed or were added.
    Of(Vec<(u64, Index)>),
    /// Any entry may have changed.
    Any,
}

/// Compares the state that a statement returned with an earlier one. `connections` distinguishes states read through
/// connections that may lead to different servers. Returns no state if the server is one whose states cannot be
/// compared.
pub(super) fn compare(
    since: Option<&Mark>,
    rows: &[ChangeRow],
    connections: u64,
) -> Result<(Option<Mark>, Changes), RecordError> {
    let Some(first) = rows.first() else { return Ok((None, Changes::Any)) };
    if first.origin.is_empty() {
        return Ok((None, Changes::Any));
    }
    let mark = Mark {
        origin: format!("{} {connections}", first.origin),
        snapshot: first.snapshot.clone(),
        deletions: first.deletions,
    };
    let comparable =
        since.is_some_and(|since| since.origin == mark.origin && since.deletions == mark.deletions);
    if !comparable || rows.len() > LISTED_CHANGES {
        return Ok((Some(mark), Changes::Any));
    }
    let changed = rows.iter().filter_map(|row| Some((row.position?, row.number?)));
    let changed = changed.map(|(position, number)| {
        let at = RowRef(number.into());
        Ok((at.count("position", position)?, at.index()?))
    });
    Ok((Some(mark), Changes::Of(changed.collect::<Result<_, RecordError>>()?)))
}
