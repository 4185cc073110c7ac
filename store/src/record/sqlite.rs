//! The Record on SQLite.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use backon::{ConstantBuilder, Retryable};
use sqlx::{
    Connection, Sqlite, SqliteConnection,
    error::DatabaseError,
    sqlite::{SqliteConnectOptions, SqliteError, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    Adoption, RecordError,
    lender::{Lender, within},
    migrations,
};

const FILE: &str = "fibstack.sqlite";
const READERS: u32 = 4;

/// How long to wait for other writers, and for the disk.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two tries to open a file that others hold.
const PAUSE: Duration = Duration::from_millis(20);
/// SQLite's result code `SQLITE_BUSY`.
const BUSY: &str = "5";

/// The Record on SQLite: the file `fibstack.sqlite` in a folder.
pub struct SqliteRecord {
    pub(super) lender: Lender<Sqlite>,
    folder: PathBuf,
    options: SqliteConnectOptions,
}

impl SqliteRecord {
    /// Opens nothing yet; [`prepare`](crate::Record::prepare) makes folder and file where they are
    /// missing. To be called inside a Tokio runtime.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(folder.join(FILE))
            // Readers and the writer do not wait for each other.
            .journal_mode(SqliteJournalMode::Wal)
            // Accepted means kept, on power loss too: every commit reaches the disk. The default
            // with a write-ahead log would only keep the file whole.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(PATIENCE);
        // SQLite has one writer at a time. Ours queue here, in order, instead of meeting inside,
        // where they would poll for the lock and some might never get it.
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(PATIENCE)
            .connect_lazy_with(options.clone());
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(PATIENCE)
            .connect_lazy_with(options.clone().read_only(true));
        let lender = Lender::new(writer, readers, PATIENCE);
        Self { lender, folder: folder.to_owned(), options }
    }

    pub(super) async fn bring_up_to_date(&self) -> Result<Adoption, RecordError> {
        std::fs::create_dir_all(&self.folder).map_err(sqlx::Error::Io)?;
        let again = ConstantBuilder::default().with_delay(PAUSE).without_max_times();
        within(PATIENCE, (|| self.migrate()).retry(again).sleep(tokio::time::sleep).when(is_locked)).await
    }

    /// In one transaction that holds the write lock from its start, since SQLite has no other that
    /// would keep a second process out meanwhile. There is no original to adopt: it had Postgres.
    async fn migrate(&self) -> Result<Adoption, RecordError> {
        let options = self.options.clone().create_if_missing(true);
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let mut transaction = connection.begin_with("begin immediate").await?;
        // What `run` does once it has a connection; its own future can't be sent (sqlx' comment
        // on it: “implementation of `Acquire` is not general enough”).
        migrations::migrator(migrations::SQLITE).run_direct(None, &mut *transaction, false).await?;
        transaction.commit().await?;
        connection.close().await?;
        Ok(Adoption::default())
    }
}

/// Whether others hold the file. While several at once turn a new one to the write-ahead log, SQLite refuses some
/// of them without the wait that they asked for.
fn is_locked(error: &RecordError) -> bool {
    let RecordError::Database(sqlx::Error::Database(error)) = error else { return false };
    error.try_downcast_ref::<SqliteError>().is_some_and(|error| error.code().as_deref() == Some(BUSY))
}
