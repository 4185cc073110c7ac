//! The Record on PostgreSQL.

mod config;
mod connect;
mod diagnosis;

use std::time::{Duration, Instant};

use sqlx::{Connection, Executor, PgConnection, Postgres, Row};
use tokio::sync::Mutex;

pub use config::{ConfigError, Password, PostgresConfig, SslMode};
pub use diagnosis::{DatabaseCheck, DatabaseFault, diagnose};

use super::{
    Adoption, Mark, RecordError,
    changes::LISTED_CHANGES,
    migrations,
    pools::{Pools, within},
    sql,
    statement::Statement,
};

/// Time limit for a migration, including the adoption of a large table and waiting for another server
/// that is migrating.
const MIGRATE_TIMEOUT: Duration = Duration::from_secs(120);

/// Time limit for the writes of a check. Leaves time to find the cause within the deadline of readiness.
const TRY_TIMEOUT: Duration = Duration::from_millis(1_500);

/// Time for which the cause of an error is taken to be the same. Finding it opens a connection.
const CAUSE_KEPT: Duration = Duration::from_secs(5);

/// The Record on PostgreSQL.
pub struct PostgresRecord {
    pub(super) pools: Pools<Postgres>,
    config: PostgresConfig,
    /// The last cause of a failed check: when it was found, the error's message, and the fault.
    last_cause: Mutex<Option<(Instant, String, DatabaseFault)>>,
}

impl PostgresRecord {
    /// Creates the Record without connecting yet, so the database may be down; call
    /// [`prepare`](crate::Record::prepare) until it succeeds. Must be called inside a Tokio runtime.
    #[must_use]
    pub fn new(config: &PostgresConfig) -> Self {
        Self { pools: connect::pools(config), config: config.clone(), last_cause: Mutex::default() }
    }

    /// Returns the version of the database's schema; `None` if it has none yet.
    ///
    /// # Errors
    /// The database refused the statement, failed, or did not respond in time.
    pub async fn schema_version(&self) -> Result<Option<i64>, RecordError> {
        let applied = within(self.config.acquire_timeout, async {
            let (mut connection, _) = connect::open(&self.config).await?;
            migrations::applied(&mut connection).await
        });
        let applied = applied.await.map_err(|error| self.explained(&error))?;
        Ok(applied.last().map(|migration| migration.version))
    }

    /// Statement for [`compare`](super::changes::compare).
    pub(super) fn changes_since(since: Option<&Mark>) -> Statement {
        // A row whose transaction is older than all those that were in progress is not new. One with an id in the
        // future came with a restored backup and has not changed since. The index finds the few rows in between.
        let query = Statement::new(
            "select now.*, changed.position, changed.number from (
                select case when pg_is_in_recovery() then '' else extract(epoch from pg_postmaster_start_time())::text end
                    as origin,
                pg_current_snapshot()::text as snapshot,
                deletions from write_check
            ) now left join lateral (
                select position, number from indexes
                where changed >= pg_snapshot_xmin($1::text::pg_snapshot)
                    and changed < pg_snapshot_xmax(pg_current_snapshot())
                    and not pg_visible_in_snapshot(changed, $1::text::pg_snapshot)
                limit $2
            ) changed on true",
        );
        query.bind(since.map(|since| since.snapshot.clone())).bind(LISTED_CHANGES as i64 + 1)
    }

    /// Checks the database as `check-database` does, then migrates the schema, on a dedicated connection.
    pub(super) async fn migrate(&self) -> Result<Adoption, RecordError> {
        let opened = within(self.config.acquire_timeout, connect::open(&self.config)).await;
        let (mut connection, through_pooler) = opened.map_err(|error| self.explained(&error))?;
        if through_pooler {
            self.pools.use_pooler();
        }
        self.examine(&mut connection).await?;
        let migrated = within(MIGRATE_TIMEOUT, async {
            apply_missing(&mut connection).await?;
            take_adoption(&mut connection).await
        });
        let adoption = migrated.await.map_err(|error| self.explained(&error))?;
        // The schema is in place, so an error while closing doesn't matter.
        let _ = within(self.config.acquire_timeout, connection.close()).await;
        Ok(adoption)
    }

    /// Checks that the database can do what the Record needs: a committed write, and a submission. If not, finds out
    /// why, but not again and again while the error stays the same.
    pub(super) async fn check_writable(&self) -> Result<(), RecordError> {
        let Err(error) = self.try_writes().await else { return Ok(()) };
        let message = error.to_string();
        let mut last = self.last_cause.lock().await;
        let is_known = |found: &Instant, about: &str| found.elapsed() < CAUSE_KEPT && about == message;
        if let Some((_, _, fault)) = last.as_ref().filter(|(found, about, _)| is_known(found, about)) {
            return Err(RecordError::Fault { fault: fault.clone() });
        }
        let cause = self.cause_of(error).await;
        if let RecordError::Fault { fault } = &cause {
            *last = Some((Instant::now(), message, fault.clone()));
        }
        Err(cause)
    }

    async fn try_writes(&self) -> Result<(), RecordError> {
        within(TRY_TIMEOUT, async {
            self.pools.write::<sql::Checked>(sql::write_check()).await?;
            self.pools.write::<sql::Checked>(sql::submission_check_on_postgres()).await?;
            Ok::<_, RecordError>(())
        })
        .await
    }

    /// Finds the cause of an error by examining the database on a new connection.
    async fn cause_of(&self, error: RecordError) -> RecordError {
        let examined = async {
            let (mut connection, _) =
                within(self.config.acquire_timeout, connect::open(&self.config)).await?;
            self.examine(&mut connection).await
        };
        match (examined.await, error) {
            (Ok(()), RecordError::NotReady) => RecordError::NotReady,
            (Err(error), _) | (Ok(()), error) => self.explained(&error),
        }
    }

    async fn examine(&self, connection: &mut PgConnection) -> Result<(), RecordError> {
        let examined = diagnosis::examine(&self.config, connection, &mut |_, _| {}).await;
        examined.map_err(|fault| RecordError::Fault { fault })
    }

    fn explained(&self, error: &RecordError) -> RecordError {
        RecordError::Fault { fault: diagnosis::explain(&self.config, error) }
    }
}

async fn apply_missing(connection: &mut PgConnection) -> sqlx::Result<()> {
    let applied = migrations::applied(connection).await?;
    for file in migrations::missing(&applied) {
        if let Err(error) = migrations::apply(connection, file).await {
            // Another server may have migrated first.
            let now = migrations::applied(connection).await?;
            if migrations::missing(&now).any(|missing| missing == file) {
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Returns the counts of the adoption, to the first caller only. The process that adopted the table may have
/// been killed before it could report them.
async fn take_adoption(connection: &mut PgConnection) -> sqlx::Result<Adoption> {
    let counts = connection
        .fetch_optional(
            "update adoption set reported = true where not reported returning adopted, duplicates, ignored",
        )
        .await?;
    let Some(counts) = counts else { return Ok(Adoption::default()) };
    let count = |column| counts.try_get::<i64, usize>(column).map(i64::unsigned_abs);
    Ok(Adoption { adopted: count(0)?, duplicates: count(1)?, ignored: count(2)? })
}
