//! The Record on SQLite.

mod fault;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use backon::{ConstantBuilder, Retryable};
use sqlx::{
    ConnectOptions, Connection, Sqlite, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

pub use fault::FileFault;
pub(super) use fault::FileIdentity;

use super::{
    Adoption, Mark, RecordError,
    changes::LISTED_CHANGES,
    migrations,
    pools::{Pools, Route, within},
    sql,
    statement::Statement,
};

const FILE: &str = "fibstack.sqlite";
const READERS: u32 = 4;

/// Time limit for waiting for other writers and for the disk.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Pause before retrying to open a locked file.
const RETRY_PAUSE: Duration = Duration::from_millis(20);
/// SQLite's result code `SQLITE_BUSY`.
const BUSY: u32 = 5;

/// The Record on SQLite: the file `fibstack.sqlite` in a folder.
pub struct SqliteRecord {
    pub(super) pools: Pools<Sqlite>,
    folder: PathBuf,
    file: PathBuf,
    options: SqliteConnectOptions,
}

impl SqliteRecord {
    /// Creates the Record without opening the file yet; [`prepare`](crate::Record::prepare) creates
    /// folder and file if missing. Must be called inside a Tokio runtime.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        let file = folder.join(FILE);
        let options = SqliteConnectOptions::new()
            .filename(&file)
            // Readers and the writer don't block each other.
            .journal_mode(SqliteJournalMode::Wal)
            // Every commit is flushed to disk, because an accepted index must survive even a power loss. With a
            // write-ahead log, the default would only keep the file consistent.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(TIMEOUT)
            // A statement that takes too long fails, and that is logged.
            .disable_statement_logging();
        // SQLite allows one writer at a time. Ours queue here, in order; inside SQLite they would poll
        // for the lock and some might never get it.
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(TIMEOUT)
            .connect_lazy_with(options.clone());
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(TIMEOUT)
            .connect_lazy_with(options.clone().read_only(true));
        let pools = Pools::new(writer, readers, TIMEOUT, Route::new(None));
        Self { pools, folder: folder.to_owned(), file, options }
    }

    /// Statement for [`compare`](super::changes::compare).
    pub(super) fn changes_since(since: Option<&Mark>) -> Statement {
        let query = Statement::new(
            "select 'file' as origin, cast((select coalesce(max(changed), 0) from indexes) as text) as snapshot,
                deletions, changed.position, changed.number
            from write_check left join (
                select position, number from indexes where changed > cast($1 as integer) order by changed limit $2
            ) changed",
        );
        query.bind(since.map(|since| since.snapshot.clone())).bind(LISTED_CHANGES as i64 + 1)
    }

    pub(super) async fn migrate(&self) -> Result<Adoption, RecordError> {
        fault::try_folder(&self.folder, &self.file)?;
        let retry = ConstantBuilder::default().with_delay(RETRY_PAUSE).without_max_times();
        let migrating = (|| self.try_migrate()).retry(retry).sleep(tokio::time::sleep).when(is_locked);
        let migrated: Result<_, RecordError> = within(TIMEOUT, migrating).await;
        let adoption = migrated.map_err(|error| self.explained(error))?;
        self.pools.set_file(FileIdentity::of(&self.file)?);
        Ok(adoption)
    }

    /// Checks that the database can do what the Record needs: a committed write, to a file that still exists.
    /// SQLite would keep writing to a deleted one.
    pub(super) async fn check_writable(&self) -> Result<(), RecordError> {
        if self.pools.is_ready() {
            fault::try_files(&self.file)?;
        } else {
            // Names the cause, unless the file is only being prepared.
            fault::try_folder(&self.folder, &self.file)?;
        }
        for statement in [sql::write_check(), sql::submission_check_on_sqlite()] {
            let done = self.pools.write::<sql::Checked>(statement).await;
            done.map_err(|error| self.explained(error))?;
        }
        Ok(())
    }

    fn explained(&self, error: RecordError) -> RecordError {
        match error {
            RecordError::Database(error) => FileFault::of(&self.file, &error).into(),
            other => other,
        }
    }

    /// Migrates in one transaction that holds the write lock from its start: SQLite has no other lock
    /// that excludes a second process. There is no original table to adopt, because the original used
    /// Postgres.
    async fn try_migrate(&self) -> Result<Adoption, RecordError> {
        let options = self.options.clone().create_if_missing(true);
        let mut connection = SqliteConnection::connect_with(&options).await?;
        let mut transaction = connection.begin_with("begin immediate").await?;
        // `run_direct` is what `run` calls once it has a connection. The future of `run` is not `Send`
        // (sqlx's comment: “implementation of `Acquire` is not general enough”).
        migrations::migrator(migrations::SQLITE)
            .run_direct(None, &mut *transaction, false)
            .await
            .map_err(|error| FileFault::of_migration(&self.file, error))?;
        transaction.commit().await?;
        connection.close().await?;
        Ok(Adoption::default())
    }
}

/// Returns true if another process holds the file. While several processes switch a new file to the
/// write-ahead log, SQLite refuses some of them at once, ignoring the busy timeout.
fn is_locked(error: &RecordError) -> bool {
    matches!(error, RecordError::Database(sqlx::Error::Database(error)) if fault::primary_code(error.as_ref()) == BUSY)
}
