//! A row of `indexes` as an entry.

use protocol::{Entry, Index, Outcome, Revision, Status, Timeline, WorkerId};
use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

use super::RecordError;

/// The columns of an entry, for `select` and `returning`. Listed by name, because with `*` a migration
/// that adds a column would break the prepared statements of older servers.
macro_rules! entry_columns {
    () => {
        "number, position, status, revision, times_submitted, digits, value, head, tail, reason, worker, \
         accepted_us, recorded_us, announced_us, claimed_us, computed_us, posted_us, delivered_us"
    };
}
pub(super) use entry_columns;

/// Defines a struct whose fields are read from the columns of the same names, for either database.
macro_rules! row {
    ($(#[$docs:meta])* $shown:vis struct $row:ident { $($field_shown:vis $field:ident: $kind:ty,)* }) => {
        $(#[$docs])*
        $shown struct $row { $($field_shown $field: $kind,)* }

        impl<'r, R: Row> FromRow<'r, R> for $row
        where
            &'static str: ColumnIndex<R>,
            $($kind: Decode<'r, R::Database> + Type<R::Database>,)*
        {
            fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
                Ok(Self { $($field: row.try_get(stringify!($field))?,)* })
            }
        }
    };
}

row! {
/// The columns of an entry.
pub(super) struct EntryRow {
    number: i32,
    position: i64,
    status: String,
    revision: i64,
    times_submitted: i64,
    digits: Option<i64>,
    value: Option<String>,
    head: Option<String>,
    tail: Option<String>,
    reason: Option<String>,
    worker: Option<String>,
    accepted_us: Option<i64>,
    recorded_us: Option<i64>,
    announced_us: Option<i64>,
    claimed_us: Option<i64>,
    computed_us: Option<i64>,
    posted_us: Option<i64>,
    delivered_us: Option<i64>,
}
}

impl TryFrom<EntryRow> for Entry {
    type Error = RecordError;

    fn try_from(row: EntryRow) -> Result<Self, RecordError> {
        let at = RowRef(row.number.into());
        let status = at.status(&row.status)?;
        let outcome = at.outcome(status, row.value, row.digits, row.head, row.tail)?;
        let time = |us: Option<i64>| us.map(|us| at.count("a time", us)).transpose();
        Ok(Self {
            index: at.index()?,
            position: at.count("position", row.position)?,
            status,
            revision: Revision::recorded(at.count("revision", row.revision)?),
            outcome,
            times_submitted: at.count("times_submitted", row.times_submitted)?,
            reason: row.reason,
            worker: row.worker.map(WorkerId::new),
            // These come from the claim on the Board.
            attempt: None,
            progress: None,
            timeline: Timeline {
                accepted_us: time(row.accepted_us)?,
                recorded_us: time(row.recorded_us)?,
                announced_us: time(row.announced_us)?,
                claimed_us: time(row.claimed_us)?,
                computed_us: time(row.computed_us)?,
                posted_us: time(row.posted_us)?,
                delivered_us: time(row.delivered_us)?,
            },
        })
    }
}

row! {
/// The columns of a listing.
pub(super) struct ListedRow {
    position: i64,
    number: i32,
}
}

impl TryFrom<ListedRow> for (u64, Index) {
    type Error = RecordError;

    fn try_from(row: ListedRow) -> Result<Self, RecordError> {
        let at = RowRef(row.number.into());
        Ok((at.count("position", row.position)?, at.index()?))
    }
}

row! {
/// The columns of a list of values.
pub(super) struct OutcomeRow {
    position: i64,
    number: i32,
    status: String,
    digits: Option<i64>,
    value: Option<String>,
    head: Option<String>,
    tail: Option<String>,
}
}

impl TryFrom<OutcomeRow> for (u64, Index, Option<Outcome>) {
    type Error = RecordError;

    fn try_from(row: OutcomeRow) -> Result<Self, RecordError> {
        let at = RowRef(row.number.into());
        let outcome = at.outcome(at.status(&row.status)?, row.value, row.digits, row.head, row.tail)?;
        Ok((at.count("position", row.position)?, at.index()?, outcome))
    }
}

row! {
/// The current state of the Record, and a row that has changed, if any.
pub(super) struct ChangeRow {
    pub(super) origin: String,
    pub(super) snapshot: String,
    pub(super) deletions: i64,
    pub(super) position: Option<i64>,
    pub(super) number: Option<i32>,
}
}

row! {
/// The number of rows with a status.
pub(super) struct CountRow {
    pub(super) status: String,
    pub(super) entries: i64,
}
}

/// The row that an error refers to. The schema's checks rule these errors out, unless a row was
/// edited by hand.
pub(super) struct RowRef(pub(super) i64);

impl RowRef {
    fn unreadable(&self, problem: impl Into<String>) -> RecordError {
        RecordError::Unreadable { index: self.0, problem: problem.into() }
    }

    pub(super) fn index(&self) -> Result<Index, RecordError> {
        let number = u32::try_from(self.0).map_err(|_| self.unreadable("it is not an index"))?;
        Index::try_from(number).map_err(|_| self.unreadable("it is not an index"))
    }

    fn status(&self, text: &str) -> Result<Status, RecordError> {
        [Status::Pending, Status::Done, Status::Failed]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| self.unreadable(format!("unknown status: {text}")))
    }

    fn outcome(
        &self,
        status: Status,
        value: Option<String>,
        digits: Option<i64>,
        head: Option<String>,
        tail: Option<String>,
    ) -> Result<Option<Outcome>, RecordError> {
        match (value, digits, head, tail) {
            _ if status != Status::Done => Ok(None),
            (Some(value), ..) => Ok(Some(Outcome::Whole { value })),
            (None, Some(digits), Some(head), Some(tail)) => {
                Ok(Some(Outcome::Long { digits: self.count("digits", digits)?, head, tail }))
            }
            _ => Err(self.unreadable("it is done but has no value")),
        }
    }

    pub(super) fn count(&self, name: &str, value: i64) -> Result<u64, RecordError> {
        value.try_into().map_err(|_| self.unreadable(format!("{name} is negative: {value}")))
    }
}
