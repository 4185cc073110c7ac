//! Opens connections, to a server or through a connection pooler.

use std::sync::Arc;

use sqlx::{
    AssertSqlSafe, Connection, Executor, PgConnection, Postgres, Row, pool::PoolOptions,
    postgres::PgConnectOptions,
};

use super::PostgresConfig;
use crate::record::{
    pools::{Pools, Route, shows_pooler},
    statement::{SERVER, SESSION},
};

/// A parameter that every connection sets at its start. A pooler refuses it, or its sessions lack it.
const MARKER: &str = "fibstack.direct";

/// Returns a pool that detects a connection pooler by itself.
pub(super) fn pools(config: &PostgresConfig) -> Pools<Postgres> {
    let route = Route::new(Some(config.connect_options()));
    let (opened, acquired) = (Arc::clone(&route), Arc::clone(&route));
    let pool = PoolOptions::new()
        .max_connections(config.max_connections)
        .acquire_timeout(config.acquire_timeout)
        .after_connect(move |connection, _| {
            let route = Arc::clone(&opened);
            Box::pin(async move {
                let (is_direct, server) = about(connection).await?;
                if !is_direct {
                    route.set_through_pooler();
                }
                route.set_server(server);
                Ok(())
            })
        })
        // `Pools` checks connections before it writes.
        .test_before_acquire(false)
        .before_acquire(move |_, metadata| {
            let is_current = acquired.is_current(&metadata);
            Box::pin(async move { Ok(is_current) })
        })
        .connect_lazy_with(direct(config));
    Pools::new(pool.clone(), pool, config.statement_timeout, route)
}

/// Opens a connection outside the pool. Only statements without parameters may be used on it, because they
/// need no prepared statement. Also returns true if it leads to a pooler.
pub(super) async fn open(config: &PostgresConfig) -> sqlx::Result<(PgConnection, bool)> {
    match PgConnection::connect_with(&direct(config)).await {
        Ok(mut connection) => {
            let (is_direct, _) = about(&mut connection).await?;
            Ok((connection, !is_direct))
        }
        Err(sqlx::Error::Database(refusal)) if shows_pooler(refusal.as_ref()) => {
            Ok((PgConnection::connect_with(&config.connect_options()).await?, true))
        }
        Err(error) => Err(error),
    }
}

/// Options for a connection without a pooler: with parameters that poolers refuse.
fn direct(config: &PostgresConfig) -> PgConnectOptions {
    let statement_timeout_ms = config.statement_timeout.as_millis().to_string();
    let session = SESSION.map(|(name, value)| match name {
        "transaction_isolation" => ("default_transaction_isolation", value),
        _ => (name, value),
    });
    config
        .connect_options()
        .options(session)
        .options([("statement_timeout", statement_timeout_ms.as_str()), (MARKER, "on")])
}

/// Returns true if the connection does not lead through a pooler, and which server it leads to.
async fn about(connection: &mut PgConnection) -> sqlx::Result<(bool, String)> {
    let about = format!("select current_setting('{MARKER}', true), {SERVER}");
    // Safe, because both parts are constants.
    let row = connection.fetch_one(AssertSqlSafe(about)).await?;
    let is_direct = row.try_get::<Option<String>, _>(0)?.is_some_and(|marker| marker == "on");
    Ok((is_direct, row.try_get(1)?))
}
