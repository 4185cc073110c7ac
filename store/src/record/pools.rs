//! Connection pools with a deadline for every statement.

use std::{
    future::Future,
    io,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{
    ConnectOptions, Connection, Database, Encode, Executor, FromRow, IntoArguments, Pool, Type,
    database::HasStatementCache,
    pool::{PoolConnection, PoolConnectionMetadata},
    query_with,
};
use tokio::time::timeout;

use super::{RecordError, sqlite::FileIdentity, statement::Statement};

/// Time limit for running statements when the pools are closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Extra time for a statement, beyond the timeout after which Postgres cancels it.
const GRACE: Duration = Duration::from_secs(1);

/// SQLSTATE of a write on a standby, or on a server that was made read-only.
const READ_ONLY: &str = "25006";
/// Our own SQLSTATE: a pooler sent the statement to another server than the last one.
pub(super) const OTHER_SERVER: &str = "FS001";
/// First characters of the SQLSTATEs of connections that the server closes.
const SHUTDOWN: &str = "57P";
/// SQLSTATEs of a table or a column that does not exist.
const NO_SCHEMA: [&str; 2] = ["42P01", "42703"];

/// Connection pools. Statements fail before the schema is in place, and when they exceed their deadline.
pub(super) struct Pools<DB: Database> {
    /// Pool for statements that write.
    pub(super) writers: Pool<DB>,
    /// Pool for statements that only read. May be the same pool.
    pub(super) readers: Pool<DB>,
    statement_timeout: Duration,
    ready: AtomicBool,
    /// The file that holds the database, if it is one.
    file: OnceLock<FileIdentity>,
    route: Arc<Route<<DB::Connection as Connection>::Options>>,
}

/// Purpose of a statement.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Access {
    /// It only reads, so it can be repeated.
    Read,
    /// It writes.
    Write,
}

/// Knowledge about the route to the database, shared with the pools' hooks.
pub(super) struct Route<O> {
    through_pooler: AtomicBool,
    /// Options for a connection through a pooler.
    for_pooler: Option<O>,
    /// Connections opened before this may lead to a server that has been demoted since.
    renewed: Mutex<Option<Instant>>,
    /// The server that the last connection led to, if it is known and may be written.
    server: Mutex<String>,
    /// Number of times that connections were lost or led to another server.
    generation: AtomicU64,
}

impl<O: ConnectOptions + Clone> Route<O> {
    /// A route to a server, with other options if it turns out to lead to a pooler.
    pub(super) fn new(for_pooler: Option<O>) -> Arc<Self> {
        Arc::new(Self {
            through_pooler: AtomicBool::new(false),
            for_pooler,
            renewed: Mutex::new(None),
            server: Mutex::default(),
            generation: AtomicU64::new(0),
        })
    }

    /// Returns true if the route leads to a connection pooler.
    pub(super) fn is_through_pooler(&self) -> bool {
        self.through_pooler.load(Ordering::Acquire)
    }

    /// Remembers, until the process ends, that the route leads to a connection pooler. Options for a pooler also work
    /// without one.
    pub(super) fn set_through_pooler(&self) {
        if !self.through_pooler.swap(true, Ordering::AcqRel) {
            tracing::info!("Postgres is behind a connection pooler: statements are not prepared");
        }
    }

    /// Returns true unless the connection may lead to a server that has been demoted since.
    pub(super) fn is_current(&self, connection: &PoolConnectionMetadata) -> bool {
        let renewed = *self.renewed.lock().unwrap_or_else(PoisonError::into_inner);
        renewed.is_none_or(|renewed| connection.age < renewed.elapsed())
    }

    /// Notes the server that a connection leads to. If it is another one than before, the other connections
    /// are replaced.
    pub(super) fn set_server(&self, server: String) {
        let mut known = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.is_empty() && *known != server {
            self.count_loss();
            self.renew();
        }
        *known = server;
    }

    fn server(&self) -> String {
        self.server.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count_loss(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    fn renew(&self) {
        *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

impl<DB: Database + HasStatementCache> Pools<DB>
where
    DB::Arguments: IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
    for<'q> Option<i64>: Encode<'q, DB> + Type<DB>,
    for<'q> Option<String>: Encode<'q, DB> + Type<DB>,
{
    pub(super) fn new(
        writers: Pool<DB>,
        readers: Pool<DB>,
        statement_timeout: Duration,
        route: Arc<Route<<DB::Connection as Connection>::Options>>,
    ) -> Self {
        Self {
            writers,
            readers,
            statement_timeout,
            ready: AtomicBool::new(false),
            file: OnceLock::new(),
            route,
        }
    }

    /// Allows statements, once the schema is in place.
    pub(super) fn set_ready(&self) {
        self.ready.store(true, Ordering::Release);
    }

    /// Sets the file without which no write counts.
    pub(super) fn set_file(&self, file: FileIdentity) {
        // Fails only if it is set already.
        let _ = self.file.set(file);
    }

    /// Returns true if the schema is in place.
    pub(super) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Returns a number that changes when connections are lost or lead to another server.
    pub(super) fn generation(&self) -> u64 {
        self.route.generation.load(Ordering::Acquire)
    }

    /// Notes the server that responded to a statement.
    pub(super) fn set_server(&self, server: &str) {
        self.route.set_server(server.to_owned());
    }

    /// Runs a statement that writes, and fetches its rows.
    pub(super) async fn write<T>(&self, statement: Statement) -> Result<Vec<T>, RecordError>
    where
        T: for<'r> FromRow<'r, DB::Row> + Send + Unpin,
    {
        let rows = self.run(Access::Write, &statement).await?;
        // A write to a file that was deleted or replaced would be lost.
        self.file.get().map_or(Ok(()), FileIdentity::check)?;
        Ok(rows)
    }

    /// Runs a statement that only reads, and fetches all of its rows, so that the connection is free
    /// again before they are processed.
    pub(super) async fn read<T>(&self, statement: Statement) -> Result<Vec<T>, RecordError>
    where
        T: for<'r> FromRow<'r, DB::Row> + Send + Unpin,
    {
        self.run(Access::Read, &statement).await
    }

    async fn run<T>(&self, access: Access, statement: &Statement) -> Result<Vec<T>, RecordError>
    where
        T: for<'r> FromRow<'r, DB::Row> + Send + Unpin,
    {
        if !self.is_ready() {
            return Err(RecordError::NotReady);
        }
        let rows = match self.attempt(access, statement).await {
            Err(error) if self.may_succeed_elsewhere(access, &error) => {
                self.attempt(access, statement).await?
            }
            other => other?,
        };
        rows.iter().map(|row| T::from_row(row).map_err(Into::into)).collect()
    }

    async fn attempt(&self, access: Access, statement: &Statement) -> sqlx::Result<Vec<DB::Row>> {
        self.attempt_once(access, statement).await.inspect_err(|_| self.route.count_loss())
    }

    async fn attempt_once(&self, access: Access, statement: &Statement) -> sqlx::Result<Vec<DB::Row>> {
        let pool = match access {
            Access::Read => &self.readers,
            Access::Write => &self.writers,
        };
        let deadline = self.statement_timeout + GRACE;
        let mut guard = loop {
            // The pool has its own deadline for this.
            let mut guard = CloseOnDrop(Some(pool.acquire().await?));
            // A read is repeated if the connection was lost while it was idle; a write cannot be.
            if access == Access::Read
                || matches!(timeout(deadline, guard.connection().ping()).await, Ok(Ok(())))
            {
                break guard;
            }
        };
        let connection = &mut **guard.connection();
        let through_pooler = self.route.is_through_pooler();
        let rows = async {
            if through_pooler {
                let server =
                    Some(self.route.server()).filter(|server| access == Access::Read && !server.is_empty());
                connection.fetch_all(statement.text(self.statement_timeout, server.as_deref())).await
            } else {
                let (sql, arguments, persistent) = statement.prepared::<DB>()?;
                query_with(sql, arguments).persistent(persistent).fetch_all(connection).await
            }
        };
        // After any error, the connection is closed. It may lead to a server that was demoted.
        let rows = timeout(deadline, rows).await.map_err(|_| timed_out(deadline))??;
        guard.return_to_pool();
        Ok(rows)
    }

    /// Reacts to an error. Returns true if the statement had no effect and may succeed on
    /// another connection.
    fn may_succeed_elsewhere(&self, access: Access, error: &sqlx::Error) -> bool {
        let sqlx::Error::Database(refusal) = error else {
            // The connection may have been lost while it was idle. Whether a write had an effect is unknown.
            return access == Access::Read
                && matches!(error, sqlx::Error::Io(error) if error.kind() != io::ErrorKind::TimedOut);
        };
        let code = refusal.code().unwrap_or_default();
        if code == OTHER_SERVER {
            self.route.set_server(String::new());
            return true;
        }
        if access == Access::Read && code.starts_with(SHUTDOWN) {
            return true;
        }
        if NO_SCHEMA.contains(&&*code) {
            // The database was dropped and created again.
            self.ready.store(false, Ordering::Release);
        }
        if code == READ_ONLY {
            self.route.renew();
            return true;
        }
        if self.route.is_through_pooler() || !shows_pooler(refusal.as_ref()) {
            return false;
        }
        self.use_pooler();
        true
    }

    /// Switches to options that work through a connection pooler.
    pub(super) fn use_pooler(&self) {
        if let Some(options) = &self.route.for_pooler {
            self.route.set_through_pooler();
            self.route.renew();
            self.writers.set_connect_options(options.clone());
        }
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

/// Returns true for errors that only a connection pooler or proxy causes: it refuses a parameter of the
/// connection, or the server session behind it was replaced by one without our prepared statements.
pub(super) fn shows_pooler(error: &dyn sqlx::error::DatabaseError) -> bool {
    let message = error.message();
    match error.code().as_deref().unwrap_or_default() {
        "26000" | "42P05" => true,
        // PgBouncer: “unsupported startup parameter: options”. RDS Proxy: “Feature not supported: RDS Proxy
        // currently doesn’t support command-line options”.
        "08P01" | "0A000" => {
            message.contains("startup parameter") || message.contains("command-line options")
        }
        _ => false,
    }
}

fn timed_out(deadline: Duration) -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, format!("no response within {deadline:?}")))
}
