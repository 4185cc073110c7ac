//! The statements, the same for both databases.

use std::collections::BTreeSet;

use protocol::{Entry, Index, Outcome, Revision, WorkerId};
use sqlx::{QueryBuilder, query_as};

use crate::now_us;

use super::row::{CountRow, EntryRow, ListedRow, entry_columns};
use super::{Adoption, Completion, Counts, PostgresRecord, Record, RecordError, SqliteRecord, Submission};

/// Implements the `Record` for a type with `lender: Lender<$database>` and a method of its own
/// `bring_up_to_date`.
///
/// A macro, because what these bodies need of a database cannot be said in a readable `where`
/// clause. Both databases know `$1`, `returning` and `on conflict`. Every statement is one
/// compare-and-set, so none of them needs a transaction. The contract suite runs all of them on both.
macro_rules! implement_record {
    ($record:ty, $database:ty) => {
        impl $record {
            /// The entry that a statement gave back, if it did.
            fn entry_of(rows: Vec<EntryRow>) -> Result<Option<Entry>, RecordError> {
                rows.into_iter().next().map(Entry::try_from).transpose()
            }

            fn entries_of(rows: Vec<EntryRow>) -> Result<Vec<Entry>, RecordError> {
                rows.into_iter().map(Entry::try_from).collect()
            }
        }

        #[async_trait::async_trait]
        impl Record for $record {
            async fn prepare(&self) -> Result<Adoption, RecordError> {
                let adoption = self.bring_up_to_date().await?;
                self.lender.set_ready();
                Ok(adoption)
            }

            async fn check(&self) -> Result<(), RecordError> {
                let query = query_as::<$database, (i32,)>("select 1");
                self.lender.read(query).await.map(drop)
            }

            async fn submit(&self, index: Index, accepted_us: u64) -> Result<Submission, RecordError> {
                // What failed is pending again. Its worker and later times are null already: only
                // a completion sets them.
                let query = query_as(concat!(
                    "insert into indexes as known
                        (number, status, revision, times_submitted, accepted_us, recorded_us)
                    values ($1, 'pending', 1, 1, $2, $3)
                    on conflict (number) do update set
                        times_submitted = known.times_submitted + 1,
                        revision = known.revision + 1,
                        status = case known.status when 'failed' then 'pending' else known.status end,
                        reason = case known.status when 'failed' then null else known.reason end,
                        accepted_us = case known.status
                            when 'failed' then excluded.accepted_us else known.accepted_us end,
                        recorded_us = case known.status
                            when 'failed' then excluded.recorded_us else known.recorded_us end
                    returning ",
                    entry_columns!()
                ));
                let rows =
                    self.lender.write(query.bind(number(index)).bind(big(accepted_us)).bind(big(now_us()))).await?;
                let entry = Self::entry_of(rows)?.ok_or(sqlx::Error::RowNotFound)?;
                // Only the insert leaves a row at its first revision.
                let first = entry.revision == Revision::recorded(1);
                Ok(Submission { entry, first })
            }

            async fn adopt(&self, found: &[Index]) -> Result<Vec<Entry>, RecordError> {
                // In ascending order, so that two servers can't lock each other's rows crosswise.
                let found: Vec<Index> = found.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
                let mut new = Vec::new();
                for some in found.chunks(LIST_LENGTH) {
                    let recorded_us = big(now_us());
                    let mut query = QueryBuilder::<$database>::new(
                        "insert into indexes (number, status, revision, times_submitted, recorded_us) ",
                    );
                    query.push_values(some, |mut row, index| {
                        row.push_bind(number(*index)).push("'pending', 1, 1").push_bind(recorded_us);
                    });
                    query.push(concat!(" on conflict (number) do nothing returning ", entry_columns!()));
                    let rows = self.lender.write(query.build_query_as().persistent(false)).await?;
                    new.extend(Self::entries_of(rows)?);
                }
                Ok(new)
            }

            async fn entry(&self, index: Index) -> Result<Option<Entry>, RecordError> {
                let query =
                    query_as(concat!("select ", entry_columns!(), " from indexes where number = $1"));
                Self::entry_of(self.lender.read(query.bind(number(index))).await?)
            }

            async fn entries(&self, indexes: &[Index]) -> Result<Vec<Entry>, RecordError> {
                let mut entries = Vec::new();
                for some in indexes.chunks(LIST_LENGTH) {
                    let mut query = QueryBuilder::<$database>::new(concat!(
                        "select ",
                        entry_columns!(),
                        " from indexes where number in ("
                    ));
                    let mut list = query.separated(", ");
                    for index in some {
                        list.push_bind(number(*index));
                    }
                    query.push(")");
                    let rows = self.lender.read(query.build_query_as().persistent(false)).await?;
                    entries.extend(Self::entries_of(rows)?);
                }
                Ok(entries)
            }

            async fn newest(&self, before: Option<u64>, limit: u32) -> Result<Vec<Entry>, RecordError> {
                let query = query_as(concat!(
                    "select ",
                    entry_columns!(),
                    " from indexes where position < $1 order by position desc limit $2"
                ));
                let before = before.map_or(i64::MAX, big);
                Self::entries_of(self.lender.read(query.bind(before).bind(i64::from(limit))).await?)
            }

            async fn oldest(&self, after: u64, limit: u32) -> Result<Vec<Entry>, RecordError> {
                let query = query_as(concat!(
                    "select ",
                    entry_columns!(),
                    " from indexes where position > $1 order by position limit $2"
                ));
                Self::entries_of(self.lender.read(query.bind(big(after)).bind(i64::from(limit))).await?)
            }

            async fn listed(&self, after: u64, limit: u32) -> Result<Vec<(u64, Index)>, RecordError> {
                let query = query_as::<$database, ListedRow>(
                    "select position, number from indexes where position > $1 order by position limit $2",
                );
                let rows = self.lender.read(query.bind(big(after)).bind(i64::from(limit))).await?;
                rows.into_iter().map(TryFrom::try_from).collect()
            }

            async fn pending(&self, after: u64, limit: u32) -> Result<Vec<Entry>, RecordError> {
                let query = query_as(concat!(
                    "select ",
                    entry_columns!(),
                    " from indexes where status = 'pending' and position > $1 order by position limit $2"
                ));
                Self::entries_of(self.lender.read(query.bind(big(after)).bind(i64::from(limit))).await?)
            }

            async fn complete(
                &self,
                index: Index,
                completion: &Completion,
            ) -> Result<Option<Entry>, RecordError> {
                let query = query_as(concat!(
                    "update indexes set
                        status = 'done', revision = revision + 1, reason = null,
                        digits = $2, value = $3, head = $4, tail = $5, worker = $6,
                        announced_us = $7, claimed_us = $8, computed_us = $9, posted_us = $10, delivered_us = $11
                    where number = $1 and status in ('pending', 'failed')
                    returning ",
                    entry_columns!()
                ));
                let (value, head, tail) = match &completion.outcome {
                    Outcome::Whole { value } => (Some(value), None, None),
                    Outcome::Long { head, tail, .. } => (None, Some(head), Some(tail)),
                };
                let query = query
                    .bind(number(index))
                    .bind(big(completion.outcome.digits()))
                    .bind(value)
                    .bind(head)
                    .bind(tail)
                    .bind(completion.worker.as_ref().map(WorkerId::as_str))
                    .bind(completion.announced_us.map(big))
                    .bind(completion.claimed_us.map(big))
                    .bind(completion.computed_us.map(big))
                    .bind(completion.posted_us.map(big))
                    .bind(completion.delivered_us.map(big));
                Self::entry_of(self.lender.write(query).await?)
            }

            async fn give_up(&self, index: Index, reason: &str) -> Result<Option<Entry>, RecordError> {
                let query = query_as(concat!(
                    "update indexes set status = 'failed', revision = revision + 1, reason = $2
                    where number = $1 and status = 'pending'
                    returning ",
                    entry_columns!()
                ));
                Self::entry_of(self.lender.write(query.bind(number(index)).bind(reason)).await?)
            }

            async fn explain(&self, index: Index, reason: &str) -> Result<Option<Entry>, RecordError> {
                let query = query_as(concat!(
                    "update indexes set revision = revision + 1, reason = $2
                    where number = $1 and status = 'pending' and reason is distinct from $2
                    returning ",
                    entry_columns!()
                ));
                Self::entry_of(self.lender.write(query.bind(number(index)).bind(reason)).await?)
            }

            async fn counts(&self) -> Result<Counts, RecordError> {
                let query = query_as::<$database, CountRow>(
                    "select status, count(*) as entries from indexes group by status",
                );
                let mut counts = Counts::default();
                for row in self.lender.read(query).await? {
                    let entries = row.entries.unsigned_abs();
                    match row.status.as_str() {
                        "pending" => counts.pending = entries,
                        "done" => counts.done = entries,
                        "failed" => counts.failed = entries,
                        // The schema has no other.
                        _ => {}
                    }
                }
                Ok(counts)
            }

            async fn close(&self) {
                self.lender.close().await;
            }
        }
    };
}

implement_record!(PostgresRecord, sqlx::Postgres);
implement_record!(SqliteRecord, sqlx::Sqlite);

/// How many indexes go into one statement. Both databases have a limit on parameters; the lower is
/// SQLite's 32,766.
const LIST_LENGTH: usize = 1_000;

/// The type of the column, which is what the original's clients read.
fn number(index: Index) -> i32 {
    i32::try_from(index.get()).expect("an index is at most 2147483647")
}

/// Neither database has unsigned integers. What does not fit is a position or a time beyond every
/// other, and so is the highest that fits.
fn big(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
