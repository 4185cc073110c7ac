//! Connection pools with a deadline for every statement.

use std::{
    future::Future,
    io,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use sqlx::{Database, Executor, FromRow, IntoArguments, Pool, pool::PoolConnection, query::QueryAs};
use tokio::time::timeout;

use super::RecordError;

/// Time limit for running statements when the pools are closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Connection pools. Statements fail before the schema is in place, and when they exceed their deadline.
pub(super) struct Pools<DB: Database> {
    /// For statements that write.
    pub(super) writers: Pool<DB>,
    /// For statements that only read. May be the same pool.
    pub(super) readers: Pool<DB>,
    statement_timeout: Duration,
    ready: AtomicBool,
}

impl<DB: Database> Pools<DB>
where
    DB::Arguments: IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    pub(super) fn new(writers: Pool<DB>, readers: Pool<DB>, statement_timeout: Duration) -> Self {
        Self { writers, readers, statement_timeout, ready: AtomicBool::new(false) }
    }

    /// Allows statements, once the schema is in place.
    pub(super) fn set_ready(&self) {
        self.ready.store(true, Ordering::Release);
    }

    /// Runs a statement that writes, and fetches its rows.
    pub(super) async fn write<T>(
        &self,
        query: QueryAs<'_, DB, T, DB::Arguments>,
    ) -> Result<Vec<T>, RecordError>
    where
        T: for<'r> FromRow<'r, DB::Row> + Send + Unpin,
    {
        self.run(&self.writers, query).await
    }

    /// Runs a statement that only reads, and fetches all of its rows, so that the connection is free
    /// again before they are processed.
    pub(super) async fn read<T>(
        &self,
        query: QueryAs<'_, DB, T, DB::Arguments>,
    ) -> Result<Vec<T>, RecordError>
    where
        T: for<'r> FromRow<'r, DB::Row> + Send + Unpin,
    {
        self.run(&self.readers, query).await
    }

    async fn run<T>(
        &self,
        pool: &Pool<DB>,
        query: QueryAs<'_, DB, T, DB::Arguments>,
    ) -> Result<Vec<T>, RecordError>
    where
        T: for<'r> FromRow<'r, DB::Row> + Send + Unpin,
    {
        if !self.ready.load(Ordering::Acquire) {
            return Err(RecordError::NotReady);
        }
        // The pool has its own deadline for this.
        let mut guard = CloseOnDrop(Some(pool.acquire().await?));
        let rows = timeout(self.statement_timeout, query.fetch_all(&mut **guard.connection()))
            .await
            .map_err(|_| timed_out(self.statement_timeout))?;
        guard.return_to_pool();
        Ok(rows?)
    }

    /// Closes the connections, busy ones as soon as their statements have finished.
    pub(super) async fn close(&self) {
        let both = async { tokio::join!(self.writers.close(), self.readers.close()) };
        let _ = timeout(CLOSE_TIMEOUT, both).await;
    }
}

/// A connection that is closed on drop, unless its statement has finished and it was returned to the pool.
///
/// If the connection were returned in the middle of a statement, the pool would check it without a
/// deadline and count it as in use meanwhile. A database that vanished silently would then block every
/// connection until TCP gives up, a quarter of an hour later. This also covers a caller that is cancelled.
struct CloseOnDrop<DB: Database>(Option<PoolConnection<DB>>);

impl<DB: Database> CloseOnDrop<DB> {
    fn connection(&mut self) -> &mut PoolConnection<DB> {
        self.0.as_mut().expect("present until `return_to_pool`, which consumes self")
    }

    fn return_to_pool(mut self) {
        drop(self.0.take());
    }
}

impl<DB: Database> Drop for CloseOnDrop<DB> {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}

/// Adds a deadline to an operation that has none of its own.
pub(super) async fn within<T, E: Into<RecordError>>(
    deadline: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, RecordError> {
    match timeout(deadline, work).await {
        Ok(result) => result.map_err(Into::into),
        Err(_) => Err(timed_out(deadline).into()),
    }
}

fn timed_out(deadline: Duration) -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, format!("no response within {deadline:?}")))
}
