//! What outlives a request, behind two traits, and the flow of a submission between them.
//!
//! - [`Record`]: every index ever submitted and what became of it. Postgres or SQLite.
//! - [`Board`]: results, the pending list with its leases, and the wake-ups. Redis or in-process.
//! - [`Store`]: the two together: submit, read, copy results into the Record, put back what is missing.
//!
//! The Board is a cache of the Record: it may come back empty at any time and nothing is lost.

mod backoff;
mod board;
mod copy;
mod feed;
mod heard;
mod listen;
mod record;
pub mod spans;
mod store;
mod sweep;

pub use backoff::Backoff;
pub use board::{
    Board, BoardError, Claim, ClaimState, Completed, Deadlines, Enqueue, Enqueued, FailOutcome, Heard,
    InProcessBoard, Lease, Notice, RedisBoard, RedisConfig, RedisConfigError, ScanPage, Sighting,
    Subscription, Topic, relist,
};
pub use copy::now_us;
pub use feed::{Feed, News};
pub use record::{
    Adoption, Completion, ConfigError, Counts, Fault, Password, PostgresConfig, PostgresRecord, Record,
    RecordError, SCHEMA_VERSION, SqliteRecord, SslMode, Step, Submission, diagnose,
};
pub use spans::SpanSink;
pub use store::{DigitsAnswer, Limits, ReadError, Store, Verify};
