//! State kept between requests, behind two traits, and the path of a submission through them.
//!
//! - [`Record`]: every index ever submitted and its outcome. Postgres or SQLite.
//! - [`Board`]: results, the pending list with its leases, and wake-ups. Redis or in-process.
//! - [`Store`]: both together. Submits, reads, accepts or rejects results, and restores what is missing.
//!
//! The Board is a cache of the Record: it may come back empty at any time, and nothing is lost.

mod accept_result;
mod backoff;
mod board;
mod certificate;
mod clock;
mod feed;
mod listen;
mod read;
mod reconcile;
mod reconcile_queue;
mod record;
mod reject_result;
mod run;
pub mod spans;
mod store;
mod submit;
mod sweep;
mod verify;
mod versions;

pub use backoff::Backoff;
pub use board::{
    Board, BoardError, BoardFault, BoardHealth, BoardMonitor, Channel, Claim, ClaimState, Deadlines,
    EnqueueOutcome, EnqueueReason, FailOutcome, FaultKind, FinishOutcome, InProcessBoard, IndexState, Lease,
    Message, RedisBoard, RedisConfig, RedisConfigError, ScanPage, Subscription, enqueue_unlisted,
};
pub use certificate::CertificateFault;
pub use clock::now_us;
pub use feed::{Feed, FeedItem};
pub use read::{DigitsAnswer, ReadError};
pub use record::{
    Adoption, Changes, Completion, ConfigError, Counts, DatabaseCheck, DatabaseFault, FileFault, Mark,
    Password, PostgresConfig, PostgresRecord, Record, RecordError, SCHEMA_VERSION, SqliteRecord, SslMode,
    Submission, diagnose,
};
pub use spans::SpanSink;
pub use store::{Limits, Store};
pub use versions::{Scope, Version};
