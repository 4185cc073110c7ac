//! The Record on PostgreSQL.

mod config;
mod diagnosis;

use std::time::Duration;

use sqlx::{Connection, PgConnection, Postgres, postgres::PgPoolOptions};

pub use config::{ConfigError, Password, PostgresConfig, SslMode};
pub use diagnosis::{DatabaseCheck, DatabaseFault, diagnose};

use super::{
    Adoption, RecordError, migrations,
    pools::{Pools, within},
};

/// Time limit for a migration, including the adoption of a large table and waiting for another server
/// that is migrating.
const MIGRATE_TIMEOUT: Duration = Duration::from_secs(120);

/// Extra time for a statement, beyond the timeout after which the server cancels it.
const GRACE: Duration = Duration::from_secs(1);

/// The Record on PostgreSQL.
pub struct PostgresRecord {
    pub(super) pools: Pools<Postgres>,
    config: PostgresConfig,
}

impl PostgresRecord {
    /// Creates the Record without connecting yet, so the database may be down; call
    /// [`prepare`](crate::Record::prepare) until it succeeds. Must be called inside a Tokio runtime.
    #[must_use]
    pub fn new(config: &PostgresConfig) -> Self {
        let statement_timeout_ms = config.statement_timeout.as_millis().to_string();
        let pool = PgPoolOptions::new()
            .max_connections(config.max_connections)
            .acquire_timeout(config.acquire_timeout)
            // A statement, because proxies reject it as a connection parameter.
            .after_connect(move |connection, _| {
                let timeout_ms = statement_timeout_ms.clone();
                Box::pin(async move {
                    sqlx::query("select set_config('statement_timeout', $1, false)")
                        .bind(timeout_ms)
                        .execute(connection)
                        .await
                        .map(drop)
                })
            })
            .connect_lazy_with(config.connect_options());
        let pools = Pools::new(pool.clone(), pool, config.statement_timeout + GRACE);
        Self { pools, config: config.clone() }
    }

    /// Returns the version of the database's schema; `None` if it has none yet.
    ///
    /// # Errors
    /// The database refused the statement, failed, or did not respond in time.
    pub async fn schema_version(&self) -> Result<Option<i64>, RecordError> {
        within(self.config.acquire_timeout, async {
            let mut connection = PgConnection::connect_with(&self.config.connect_options()).await?;
            let version = migrations::version(&mut connection).await?;
            connection.close().await.map(|()| version)
        })
        .await
    }

    /// Migrates the schema, on a dedicated connection without a statement timeout. If this is
    /// cancelled, the connection closes, which releases the lock that keeps other servers out.
    pub(super) async fn migrate(&self) -> Result<Adoption, RecordError> {
        let options = self.config.connect_options();
        let mut connection =
            within(self.config.acquire_timeout, PgConnection::connect_with(&options)).await?;
        let adoption = within(MIGRATE_TIMEOUT, async {
            // `run_direct` is what `run` calls once it has a connection. The future of `run` is not
            // `Send` (sqlx's comment: “implementation of `Acquire` is not general enough”).
            migrations::migrator(migrations::POSTGRES).run_direct(None, &mut connection, false).await?;
            take_adoption(&mut connection).await
        })
        .await?;
        // The schema is in place, so an error while closing doesn't matter.
        let _ = within(self.config.acquire_timeout, connection.close()).await;
        Ok(adoption)
    }
}

/// Returns the counts of the adoption, to the first caller only. The process that adopted the table may have
/// been killed before it could report them.
async fn take_adoption(connection: &mut PgConnection) -> Result<Adoption, RecordError> {
    let counts = sqlx::query_as::<_, (i64, i64, i64)>(
        "update adoption set reported = true where not reported returning adopted, duplicates, ignored",
    )
    .fetch_optional(connection)
    .await?;
    Ok(counts.map_or_else(Adoption::default, |(adopted, duplicates, ignored)| Adoption {
        adopted: adopted.unsigned_abs(),
        duplicates: duplicates.unsigned_abs(),
        ignored: ignored.unsigned_abs(),
    }))
}
