//! The connections, and how long anybody waits for them.

use std::{
    future::Future,
    io,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use sqlx::{Database, Executor, FromRow, IntoArguments, Pool, pool::PoolConnection, query::QueryAs};
use tokio::time::timeout;

use super::RecordError;

/// How long the last statements may take when the connections are ended.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// Lends connections, one statement at a time, to whoever may have them: nobody before the schema
/// is in place, and nobody for longer than the deadline.
pub(super) struct Lender<DB: Database> {
    /// For statements that write.
    pub(super) writers: Pool<DB>,
    /// For statements that only read. The same pool where the database does not mind.
    pub(super) readers: Pool<DB>,
    statement_timeout: Duration,
    ready: AtomicBool,
}

impl<DB: Database> Lender<DB>
where
    DB::Arguments: IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    pub(super) fn new(writers: Pool<DB>, readers: Pool<DB>, statement_timeout: Duration) -> Self {
        Self { writers, readers, statement_timeout, ready: AtomicBool::new(false) }
    }

    /// The schema is in place.
    pub(super) fn set_ready(&self) {
        self.ready.store(true, Ordering::Release);
    }

    /// Runs a statement that writes and fetches its rows.
    pub(super) async fn write<T>(
        &self,
        query: QueryAs<'_, DB, T, DB::Arguments>,
    ) -> Result<Vec<T>, RecordError>
    where
        T: for<'r> FromRow<'r, DB::Row> + Send + Unpin,
    {
        self.run(&self.writers, query).await
    }

    /// Runs a statement that only reads and fetches its rows. All of them at once: the connection
    /// is free again before anybody does something with them.
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
        // The pool's own deadline is on this.
        let mut lent = Lent(Some(pool.acquire().await?));
        let rows = timeout(self.statement_timeout, query.fetch_all(&mut **lent.connection()))
            .await
            .map_err(|_| no_answer(self.statement_timeout))?;
        lent.give_back();
        Ok(rows?)
    }

    /// Ends the connections, those at work as soon as they are done.
    pub(super) async fn close(&self) {
        let both = async { tokio::join!(self.writers.close(), self.readers.close()) };
        let _ = timeout(CLOSE_WITHIN, both).await;
    }
}

/// A connection that is hung up on unless its statement came to an end.
///
/// Given back in the middle, the pool would ask it whether it is alive, with no deadline, and count
/// it as lent meanwhile: a database that vanished without a word would block every connection until
/// TCP gives up, a quarter of an hour later. This holds as well for a caller that waits no longer.
struct Lent<DB: Database>(Option<PoolConnection<DB>>);

impl<DB: Database> Lent<DB> {
    fn connection(&mut self) -> &mut PoolConnection<DB> {
        self.0.as_mut().expect("it is there until it is given back, which consumes this")
    }

    fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl<DB: Database> Drop for Lent<DB> {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}

/// A deadline around what has none of its own.
pub(super) async fn within<T, E: Into<RecordError>>(
    deadline: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, RecordError> {
    match timeout(deadline, work).await {
        Ok(result) => result.map_err(Into::into),
        Err(_) => Err(no_answer(deadline).into()),
    }
}

fn no_answer(within: Duration) -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {within:?}")))
}
