//! What outlives a request, behind two traits, and the flow of a submission between them.
//!
//! - [`Record`]: every index ever submitted and what became of it. Postgres or SQLite.
//! - [`Board`]: results, the pending list with its leases, and the wake-ups. Redis or in-process.
//! - [`Store`]: the two together: submit, read, copy results into the Record, put back what is missing.
//!
//! The Board is a cache of the Record: it may come back empty at any time and nothing is lost.

mod board;
mod record;

pub use board::{
    Board, BoardError, Claim, ClaimState, Completed, Enqueue, Enqueued, FailOutcome, Heard, Lease, Notice,
    ScanPage, Sighting, Subscription, Topic,
};
pub use record::{Adoption, Completion, Counts, Record, RecordError, Submission};
