//! The Record: every index ever submitted and its outcome.

mod changes;
mod migrations;
mod pools;
mod postgres;
mod row;
mod sql;
mod sqlite;
mod statement;

use async_trait::async_trait;
use protocol::{Entry, Index, Outcome, WorkerId};

pub use changes::{Changes, Mark};
pub use migrations::SCHEMA_VERSION;
pub use postgres::{
    ConfigError, DatabaseCheck, DatabaseFault, Password, PostgresConfig, PostgresRecord, SslMode, diagnose,
};
pub use sqlite::{FileFault, SqliteRecord};

/// Error of a Record operation.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The schema is not in place yet: the database has not been reachable since the start.
    #[error("the database has not been prepared yet")]
    NotReady,
    /// The database refused the statement, failed, or did not respond in time.
    #[error("database error: {0}")]
    Database(#[from] sqlx::Error),
    /// Postgres cannot be used as it is.
    #[error("{fault}. {}", fault.remedy())]
    Fault {
        /// The fault.
        fault: DatabaseFault,
    },
    /// The file of the embedded database cannot be used as it is.
    #[error("{0}")]
    File(#[from] FileFault),
    /// This version cannot read a row.
    #[error("the row of index {index} cannot be read: {problem}")]
    Unreadable {
        /// The row's index.
        index: i64,
        /// Description of the problem.
        problem: String,
    },
}

impl RecordError {
    /// Returns a short reason that is safe to publish: it names no host, user or file.
    #[must_use]
    pub fn summary(&self) -> &'static str {
        match self {
            Self::NotReady => "it has not been prepared yet",
            Self::Fault { fault } => fault.summary(),
            Self::File(fault) => fault.summary(),
            Self::Database(_) | Self::Unreadable { .. } => "it failed",
        }
    }
}

/// Result of a submission.
#[derive(Clone, Debug, PartialEq)]
pub struct Submission {
    /// The entry after the submission.
    pub entry: Entry,
    /// True if the index had not been submitted before.
    pub first: bool,
}

/// Counts of the rows adopted from an original system's table at the first start.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Adoption {
    /// Number of distinct indexes adopted.
    pub adopted: u64,
    /// Number of rows that repeat an index.
    pub duplicates: u64,
    /// Number of rows that are not indexes (`-5`, null): kept aside, never listed or computed.
    pub ignored: u64,
}

/// A verified result to be recorded. Times are in µs since 1970, see [`protocol::Timeline`]; unknown ones
/// are absent.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// The value, whole if short.
    pub outcome: Outcome,
    /// The worker that computed it; unknown for a foreign one.
    pub worker: Option<WorkerId>,
    /// When the index was put on the pending list.
    pub announced_us: Option<u64>,
    /// When the worker claimed it.
    pub claimed_us: Option<u64>,
    /// When the computation ended.
    pub computed_us: Option<u64>,
    /// When the result was posted.
    pub posted_us: Option<u64>,
    /// When it was verified, just before it is recorded and watchers are notified.
    pub delivered_us: Option<u64>,
}

/// Number of entries by status.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Waiting or being computed.
    pub pending: u64,
    /// With a value.
    pub done: u64,
    /// Failed for good.
    pub failed: u64,
}

/// Every index ever submitted and its outcome: the source of truth. A stored entry is never lost.
///
/// It knows the statuses `pending`, `done` and `failed`; `computing` comes from the Board. Every change
/// is one compare-and-set that increments the entry's revision. If several servers notice the same
/// change, only one of them gets the entry back, and that one notifies watchers.
#[async_trait]
pub trait Record: Send + Sync + 'static {
    /// Migrates the schema and adopts an original system's table if there is one. Safe to call again
    /// and from several servers at once. Until it has succeeded once, the other methods return
    /// [`RecordError::NotReady`].
    async fn prepare(&self) -> Result<Adoption, RecordError>;

    /// Checks that the database can do everything the Record needs, including a committed write. The error
    /// says what is wrong and which setting or command fixes it.
    async fn check(&self) -> Result<(), RecordError>;

    /// Stores a submission. A new index becomes pending. A failed one becomes pending again: reason,
    /// worker and later times are cleared, `accepted` and `recorded` are set again. Any other keeps its
    /// state. Each submission is counted. When this returns, the index is stored durably.
    async fn submit(&self, index: Index, accepted_us: u64) -> Result<Submission, RecordError>;

    /// Records indexes that were found on the Board as pending. Returns the entries of those that were
    /// new.
    async fn adopt(&self, found: &[Index]) -> Result<Vec<Entry>, RecordError>;

    /// Returns the entry of an index, if it was ever submitted.
    async fn entry(&self, index: Index) -> Result<Option<Entry>, RecordError>;

    /// Returns the entries of those indexes that were ever submitted, in no particular order.
    async fn entries(&self, indexes: &[Index]) -> Result<Vec<Entry>, RecordError>;

    /// Returns a page of entries, newest first, with positions below `before`.
    async fn newest(&self, before: Option<u64>, limit: u32) -> Result<Vec<Entry>, RecordError>;

    /// Returns a page of entries in order of first submission, with positions above `after` (from 0).
    async fn oldest(&self, after: u64, limit: u32) -> Result<Vec<Entry>, RecordError>;

    /// Like [`Record::oldest`], but returns only positions and indexes.
    async fn listed(&self, after: u64, limit: u32) -> Result<Vec<(u64, Index)>, RecordError>;

    /// Like [`Record::oldest`], but returns only pending entries.
    async fn pending(&self, after: u64, limit: u32) -> Result<Vec<Entry>, RecordError>;

    /// Changes an entry from pending or failed to done. `None` if it was done already or never
    /// submitted.
    async fn complete(&self, index: Index, completion: &Completion) -> Result<Option<Entry>, RecordError>;

    /// Changes an entry from pending to failed. `None` if it was not pending.
    async fn give_up(&self, index: Index, reason: &str) -> Result<Option<Entry>, RecordError>;

    /// Sets the reason why an entry is still pending. `None` if it was not pending or had the same
    /// reason.
    async fn set_reason(&self, index: Index, reason: &str) -> Result<Option<Entry>, RecordError>;

    /// Returns the current state and what has changed since an earlier one: every write that was acknowledged
    /// before this call, by any server, and possibly later ones. Returns no state if none can be compared with
    /// it later, as on a standby.
    async fn changes(&self, since: Option<&Mark>) -> Result<(Option<Mark>, Changes), RecordError>;

    /// Like [`Record::oldest`], but returns only positions, indexes and values.
    async fn outcomes(
        &self,
        after: u64,
        limit: u32,
    ) -> Result<Vec<(u64, Index, Option<Outcome>)>, RecordError>;

    /// Returns the number of entries by status.
    async fn counts(&self) -> Result<Counts, RecordError>;

    /// Closes the connections.
    async fn close(&self);
}
