//! The Record on PostgreSQL.

use std::time::Duration;

use sqlx::{Connection, PgConnection, Postgres, postgres::PgPoolOptions};

use super::{
    Adoption, PostgresConfig, RecordError,
    lender::{Lender, within},
    migrations,
};

/// How long the schema may take: adopting a large table takes its time, and so does waiting for
/// another server that is at it.
const PREPARE_WITHIN: Duration = Duration::from_secs(120);

/// How much longer than the server itself to wait for the end of a statement.
const GRACE: Duration = Duration::from_secs(1);

/// The Record on PostgreSQL.
pub struct PostgresRecord {
    pub(super) lender: Lender<Postgres>,
    config: PostgresConfig,
}

impl PostgresRecord {
    /// Connects to nothing yet, so the database may be down; call [`prepare`](crate::Record::prepare)
    /// until it succeeds. To be called inside a Tokio runtime.
    #[must_use]
    pub fn new(config: &PostgresConfig) -> Self {
        let statement_timeout_ms = config.statement_timeout.as_millis().to_string();
        let pool = PgPoolOptions::new()
            .max_connections(config.max_connections)
            .acquire_timeout(config.acquire_timeout)
            // A statement rather than a parameter of the connection, which proxies refuse.
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
        let lender = Lender::new(pool.clone(), pool, config.statement_timeout + GRACE);
        Self { lender, config: config.clone() }
    }

    /// The version of the schema there; none before the first server.
    ///
    /// # Errors
    /// The database refused, failed or did not answer in time.
    pub async fn schema_version(&self) -> Result<Option<i64>, RecordError> {
        within(self.config.acquire_timeout, async {
            let mut connection = PgConnection::connect_with(&self.config.connect_options()).await?;
            let version = migrations::version(&mut connection).await?;
            connection.close().await.map(|()| version)
        })
        .await
    }

    /// On a connection of its own, with no limit on a statement: if this is broken off, the
    /// connection ends, and with it the lock that keeps other servers out meanwhile.
    pub(super) async fn bring_up_to_date(&self) -> Result<Adoption, RecordError> {
        let options = self.config.connect_options();
        let mut connection =
            within(self.config.acquire_timeout, PgConnection::connect_with(&options)).await?;
        let adoption = within(PREPARE_WITHIN, async {
            // What `run` does once it has a connection; its own future can't be sent (sqlx' comment
            // on it: “implementation of `Acquire` is not general enough”).
            migrations::migrator(migrations::POSTGRES).run_direct(None, &mut connection, false).await?;
            tell_adoption(&mut connection).await
        })
        .await?;
        // The schema is in place; whether the goodbye is heard does not matter.
        let _ = within(self.config.acquire_timeout, connection.close()).await;
        Ok(adoption)
    }
}

/// What was adopted, for the first start that asks. Not for the one that adopted: it may have been
/// killed before it could tell.
async fn tell_adoption(connection: &mut PgConnection) -> Result<Adoption, RecordError> {
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
