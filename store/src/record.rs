//! The Record: every index ever submitted and what became of it.

mod config;
mod diagnosis;
mod lender;
mod migrations;
mod postgres;
mod row;
mod sql;
mod sqlite;

use async_trait::async_trait;
use protocol::{Entry, Index, Outcome, WorkerId};

pub use config::{ConfigError, Password, PostgresConfig, SslMode};
pub use diagnosis::{Fault, Step, diagnose};
pub use migrations::SCHEMA_VERSION;
pub use postgres::PostgresRecord;
pub use sqlite::SqliteRecord;

/// Why the Record did not answer.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The schema is not in place yet: the database was not reached since the start.
    #[error("the database has not been prepared yet")]
    NotReady,
    /// The database refused, failed or did not answer in time.
    #[error("the database did not do it: {0}")]
    Database(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("the database could not be prepared: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A row holds what this version can't read.
    #[error("the row of index {index} can't be read: {what}")]
    Unreadable {
        /// The row.
        index: i64,
        /// What is wrong with it.
        what: String,
    },
}

/// What a submission did.
#[derive(Clone, Debug, PartialEq)]
pub struct Submission {
    /// The entry after it.
    pub entry: Entry,
    /// It was the first of this index.
    pub first: bool,
}

/// What was taken over from an original system's table at the first start.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Adoption {
    /// Indexes taken over, each once.
    pub adopted: u64,
    /// Rows that were the same index again.
    pub duplicates: u64,
    /// Rows that are no index (`-5`, null): kept aside, never listed or computed.
    pub ignored: u64,
}

/// A checked result, as the Record keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// The value, whole when short.
    pub outcome: Outcome,
    /// Who computed it; unknown for a foreign worker.
    pub worker: Option<WorkerId>,
    /// Times in µs since 1970; what is unknown stays absent.
    pub announced_us: Option<u64>,
    /// See [`protocol::Timeline`].
    pub claimed_us: Option<u64>,
    /// See [`protocol::Timeline`].
    pub computed_us: Option<u64>,
    /// See [`protocol::Timeline`].
    pub posted_us: Option<u64>,
    /// See [`protocol::Timeline`].
    pub delivered_us: Option<u64>,
}

/// How many entries stand at each status.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Waiting or being computed.
    pub pending: u64,
    /// Known.
    pub done: u64,
    /// Given up.
    pub failed: u64,
}

/// Every index ever submitted and what became of it. The truth: what it took is never lost.
///
/// It knows the statuses `pending`, `done` and `failed`; `computing` is the Board's to tell. Every
/// change of state is one compare-and-set that counts the entry's revision up, so of several servers
/// that notice the same change exactly one gets the entry back and tells the others.
#[async_trait]
pub trait Record: Send + Sync + 'static {
    /// Brings the schema up to date and adopts an original system's table when there is one.
    /// Safe to call again and from several servers at once. Until it succeeded once, the other
    /// methods answer [`RecordError::NotReady`].
    async fn prepare(&self) -> Result<Adoption, RecordError>;

    /// Does the database answer?
    async fn check(&self) -> Result<(), RecordError>;

    /// Takes a submission: a new index becomes pending, a failed one pending again (reason, worker
    /// and the later times cleared, `accepted` and `recorded` set anew), a known one keeps its state; each counts.
    /// When this returns, the index is kept.
    async fn submit(&self, index: Index, accepted_us: u64) -> Result<Submission, RecordError>;

    /// Records indexes that stand on the Board alone, as pending, and gives back those that were new.
    async fn adopt(&self, found: &[Index]) -> Result<Vec<Entry>, RecordError>;

    /// The entry of an index, if it was ever submitted.
    async fn entry(&self, index: Index) -> Result<Option<Entry>, RecordError>;

    /// The entries of those indexes that were ever submitted, in no particular order.
    async fn entries(&self, indexes: &[Index]) -> Result<Vec<Entry>, RecordError>;

    /// A page, newest first: entries whose position is below `before`.
    async fn newest(&self, before: Option<u64>, limit: u32) -> Result<Vec<Entry>, RecordError>;

    /// A page in the order of first submission: entries whose position is above `after` (from 0).
    async fn oldest(&self, after: u64, limit: u32) -> Result<Vec<Entry>, RecordError>;

    /// As [`Record::oldest`], but positions and indexes alone.
    async fn listed(&self, after: u64, limit: u32) -> Result<Vec<(u64, Index)>, RecordError>;

    /// As [`Record::oldest`], but pending entries alone.
    async fn pending(&self, after: u64, limit: u32) -> Result<Vec<Entry>, RecordError>;

    /// Pending or failed → done. `None`: it was done already, or never submitted.
    async fn complete(&self, index: Index, completion: &Completion) -> Result<Option<Entry>, RecordError>;

    /// Pending → failed, with the reason. `None`: it was not pending.
    async fn give_up(&self, index: Index, reason: &str) -> Result<Option<Entry>, RecordError>;

    /// Says why an entry is still pending. `None`: it was not pending, or the reason is the same.
    async fn explain(&self, index: Index, reason: &str) -> Result<Option<Entry>, RecordError>;

    /// How many entries stand at each status.
    async fn counts(&self) -> Result<Counts, RecordError>;

    /// Ends the connections.
    async fn close(&self);
}
