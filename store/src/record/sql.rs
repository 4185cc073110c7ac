//! The SQL statements, which are the same for both databases.

use std::collections::BTreeSet;

use protocol::{Entry, Index, Outcome, Revision};

use crate::now_us;

use super::changes::{self, Changes, Mark};
use super::row::{ChangeRow, CountRow, EntryRow, ListedRow, OutcomeRow, entry_columns};
use super::statement::Statement;
use super::{Adoption, Completion, Counts, PostgresRecord, Record, RecordError, SqliteRecord, Submission};

/// Implements [`Record`] for a type with a field `pools` and the methods `migrate` and `check_writable`.
///
/// A macro, because a generic version would need an unreadable `where` clause. Both databases support
/// `$1`, `returning` and `on conflict`. Every statement is one compare-and-set, so none needs a
/// transaction. The contract suite runs all of them on both databases.
macro_rules! implement_record {
    ($record:ty) => {
        impl $record {
            /// The entry that a statement returned, if any.
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
                let adoption = self.migrate().await?;
                self.pools.set_ready();
                Ok(adoption)
            }

            async fn check(&self) -> Result<(), RecordError> {
                self.check_writable().await
            }

            async fn submit(&self, index: Index, accepted_us: u64) -> Result<Submission, RecordError> {
                // A failed entry becomes pending again. Its worker and later times are null already,
                // because only a completion sets them.
                let query = Statement::new(concat!(
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
                    self.pools.write(query.bind(number(index)).bind(big(accepted_us)).bind(big(now_us()))).await?;
                let entry = Self::entry_of(rows)?.ok_or(sqlx::Error::RowNotFound)?;
                // Only an insert leaves a row at revision 1.
                let first = entry.revision == Revision::recorded(1);
                Ok(Submission { entry, first })
            }

            async fn adopt(&self, found: &[Index]) -> Result<Vec<Entry>, RecordError> {
                // In ascending order, so that two servers cannot deadlock on each other's rows.
                let found: Vec<Index> = found.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
                let mut new = Vec::new();
                for some in found.chunks(LIST_LENGTH) {
                    let recorded_us = now_us();
                    let rows = some.iter().map(|index| format!("({index}, 'pending', 1, 1, {recorded_us})"));
                    let query = Statement::with_list(
                        "insert into indexes (number, status, revision, times_submitted, recorded_us) values ",
                        rows,
                        concat!(" on conflict (number) do nothing returning ", entry_columns!()),
                    );
                    new.extend(Self::entries_of(self.pools.write(query).await?)?);
                }
                Ok(new)
            }

            async fn entry(&self, index: Index) -> Result<Option<Entry>, RecordError> {
                let query =
                    Statement::new(concat!("select ", entry_columns!(), " from indexes where number = $1"));
                Self::entry_of(self.pools.read(query.bind(number(index))).await?)
            }

            async fn entries(&self, indexes: &[Index]) -> Result<Vec<Entry>, RecordError> {
                let mut entries = Vec::new();
                for some in indexes.chunks(LIST_LENGTH) {
                    let query = Statement::with_list(
                        concat!("select ", entry_columns!(), " from indexes where number in ("),
                        some.iter(),
                        ")",
                    );
                    entries.extend(Self::entries_of(self.pools.read(query).await?)?);
                }
                Ok(entries)
            }

            async fn newest(&self, before: Option<u64>, limit: u32) -> Result<Vec<Entry>, RecordError> {
                let query = Statement::new(concat!(
                    "select ",
                    entry_columns!(),
                    " from indexes where position < $1 order by position desc limit $2"
                ));
                let before = before.map_or(i64::MAX, big);
                Self::entries_of(self.pools.read(query.bind(before).bind(i64::from(limit))).await?)
            }

            async fn oldest(&self, after: u64, limit: u32) -> Result<Vec<Entry>, RecordError> {
                let query = Statement::new(concat!(
                    "select ",
                    entry_columns!(),
                    " from indexes where position > $1 order by position limit $2"
                ));
                Self::entries_of(self.pools.read(query.bind(big(after)).bind(i64::from(limit))).await?)
            }

            async fn listed(&self, after: u64, limit: u32) -> Result<Vec<(u64, Index)>, RecordError> {
                let query = Statement::new(
                    "select position, number from indexes where position > $1 order by position limit $2",
                );
                let rows: Vec<ListedRow> =
                    self.pools.read(query.bind(big(after)).bind(i64::from(limit))).await?;
                rows.into_iter().map(TryFrom::try_from).collect()
            }

            async fn pending(&self, after: u64, limit: u32) -> Result<Vec<Entry>, RecordError> {
                let query = Statement::new(concat!(
                    "select ",
                    entry_columns!(),
                    " from indexes where status = 'pending' and position > $1 order by position limit $2"
                ));
                Self::entries_of(self.pools.read(query.bind(big(after)).bind(i64::from(limit))).await?)
            }

            async fn complete(
                &self,
                index: Index,
                completion: &Completion,
            ) -> Result<Option<Entry>, RecordError> {
                let query = Statement::new(concat!(
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
                    .bind(value.cloned())
                    .bind(head.cloned())
                    .bind(tail.cloned())
                    .bind(completion.worker.as_ref().map(|worker| storable(worker.as_str())))
                    .bind(completion.announced_us.map(big))
                    .bind(completion.claimed_us.map(big))
                    .bind(completion.computed_us.map(big))
                    .bind(completion.posted_us.map(big))
                    .bind(completion.delivered_us.map(big));
                Self::entry_of(self.pools.write(query).await?)
            }

            async fn give_up(&self, index: Index, reason: &str) -> Result<Option<Entry>, RecordError> {
                let query = Statement::new(concat!(
                    "update indexes set status = 'failed', revision = revision + 1, reason = $2
                    where number = $1 and status = 'pending'
                    returning ",
                    entry_columns!()
                ));
                Self::entry_of(self.pools.write(query.bind(number(index)).bind(storable(reason))).await?)
            }

            async fn set_reason(&self, index: Index, reason: &str) -> Result<Option<Entry>, RecordError> {
                let query = Statement::new(concat!(
                    "update indexes set revision = revision + 1, reason = $2
                    where number = $1 and status = 'pending' and reason is distinct from $2
                    returning ",
                    entry_columns!()
                ));
                Self::entry_of(self.pools.write(query.bind(number(index)).bind(storable(reason))).await?)
            }

            async fn changes(&self, since: Option<&Mark>) -> Result<(Option<Mark>, Changes), RecordError> {
                // Read first: a connection opened during the statement is then seen by the next call.
                let connections = self.pools.generation();
                let rows: Vec<ChangeRow> = self.pools.read(Self::changes_since(since)).await?;
                if let Some(row) = rows.first() {
                    self.pools.set_server(&row.origin);
                }
                changes::compare(since, &rows, connections)
            }

            async fn outcomes(
                &self,
                after: u64,
                limit: u32,
            ) -> Result<Vec<(u64, Index, Option<Outcome>)>, RecordError> {
                let query = Statement::new(
                    "select position, number, status, digits, value, head, tail from indexes
                    where position > $1 order by position limit $2",
                );
                let rows: Vec<OutcomeRow> =
                    self.pools.read(query.bind(big(after)).bind(i64::from(limit))).await?;
                rows.into_iter().map(TryFrom::try_from).collect()
            }

            async fn counts(&self) -> Result<Counts, RecordError> {
                let query = Statement::new(
                    "select status, count(*) as entries from indexes group by status",
                );
                let mut counts = Counts::default();
                for row in self.pools.read::<CountRow>(query).await? {
                    let entries = row.entries.unsigned_abs();
                    match row.status.as_str() {
                        "pending" => counts.pending = entries,
                        "done" => counts.done = entries,
                        "failed" => counts.failed = entries,
                        // The schema allows no other status.
                        _ => {}
                    }
                }
                Ok(counts)
            }

            async fn close(&self) {
                self.pools.close().await;
            }
        }
    };
}

implement_record!(PostgresRecord);
implement_record!(SqliteRecord);

/// Number of indexes per statement, so that no statement is long.
const LIST_LENGTH: usize = 1_000;

/// Converts to a parameter.
fn number(index: Index) -> i64 {
    i64::from(index.get())
}

/// Replaces the character NUL, which PostgreSQL cannot store. Reasons and worker names come from workers and
/// may be any text; values are verified, and no correct one contains NUL.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Converts to a type that both databases have. A position or time that does not fit becomes the highest value,
/// which exceeds all that occur.
fn big(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A result of one of the checks.
pub(super) type Checked = (i64,);

/// A statement that succeeds if the database commits a write.
pub(super) fn write_check() -> Statement {
    Statement::new("update write_check set checked_us = $1 returning checked_us").bind(big(now_us()))
}

/// A statement that succeeds if SQLite can record a submission: it has the table and the columns.
pub(super) fn submission_check_on_sqlite() -> Statement {
    Statement::new(
        "insert into indexes as known (number, status, revision, times_submitted)
        select 0, 'pending', 1, 1 where 1 = 0
        on conflict (number) do update set times_submitted = known.times_submitted
        returning revision",
    )
}

/// A statement that records a submission on Postgres and undoes it, without a transaction of its own, which a pooler
/// might refuse. Privileges, policies, constraints and triggers that reject submissions also reject this.
pub(super) fn submission_check_on_postgres() -> Statement {
    Statement::new(concat!(
        "do 'declare entry record;
        begin
            insert into indexes as known (number, status, revision, times_submitted, accepted_us, recorded_us)
            values (2147483647, ''pending'', 1, 1, 1, 1)
            on conflict (number) do update set times_submitted = known.times_submitted + 1
            returning ",
        entry_columns!(),
        " into entry;
            raise exception sqlstate ''FS001'';
        exception when sqlstate ''FS001'' then null;
        end'"
    ))
}
