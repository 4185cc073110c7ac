//! The Board: results, the pending list with its leases, and wake-ups.

mod enqueue_unlisted;
mod health;
mod in_process;
mod monitor;
mod redis;
mod retry_policy;

use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use protocol::{Index, Notice, WorkerId};

pub use enqueue_unlisted::enqueue_unlisted;
pub use health::{BoardFault, BoardHealth, FaultKind};
pub use in_process::InProcessBoard;
pub use monitor::BoardMonitor;
pub use redis::{Deadlines, RedisBoard, RedisConfig, RedisConfigError};

/// Error of a Board operation.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// The Board cannot be reached, refused the request, or did not reply in time.
    #[error("the board is unavailable: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The Board's memory is full, and evicting recorded results did not free enough.
    #[error("the board's memory is full: {0}")]
    Full(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// This version cannot read the reply.
    #[error("unexpected reply from the board: {0}")]
    UnexpectedReply(String),
}

/// Reason for putting an index on the pending list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EnqueueReason {
    /// Someone submitted the index. A failed one starts over with its first attempt. Publishes `insert`
    /// while the index is pending, even if it was on the list already.
    Submission,
    /// The sweep found the index missing. Publishes `insert` if the index was added.
    Sweep,
    /// The index was received on `insert`, or found in `values`. Publishes nothing.
    Message,
}

/// Result of an enqueue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EnqueueOutcome {
    /// The index was put on the list.
    Added,
    /// The index was on the list already.
    AlreadyPending,
    /// The index has a result.
    AlreadyDone,
    /// The index failed for good; only a submission enqueues it again.
    GivenUp,
}

/// The exclusive right to compute one index until it expires.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lease {
    /// The index.
    pub index: Index,
    /// The worker that holds the lease.
    pub worker: WorkerId,
    /// Guards every change made under the lease; never reused.
    pub token: String,
}

/// A lease that was just granted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Claim {
    /// The lease.
    pub lease: Lease,
    /// Number of this attempt, from 1.
    pub attempt: u32,
    /// Time at which the index was put on the list, in µs since 1970 by the Board's clock.
    pub announced_us: u64,
    /// Time of the claim, in µs since 1970 by the Board's clock.
    pub claimed_us: u64,
}

/// A claim as others see it.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimState {
    /// The worker that holds the lease.
    pub worker: WorkerId,
    /// Number of this attempt, from 1.
    pub attempt: u32,
    /// Time at which the index was put on the list, in µs since 1970.
    pub announced_us: u64,
    /// Time of the claim, in µs since 1970.
    pub claimed_us: u64,
    /// Share of the computation that is done, 0.0 to 1.0, as of the last renewal.
    pub progress: f64,
}

/// Result of a finish.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FinishOutcome {
    /// The result was stored and published.
    First,
    /// The same result was already stored, for instance by a worker that had lost its lease.
    Duplicate,
    /// The result does not fit even into an empty Board; nothing changed.
    TooLarge {
        /// Total memory of the Board in bytes.
        capacity: u64,
    },
}

/// Result of reporting a failed attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FailOutcome {
    /// The index will be tried again.
    Retry {
        /// Wait before the next attempt.
        after: Duration,
    },
    /// This was the last attempt.
    GivenUp,
    /// The lease was no longer held; nothing changed.
    Lost,
}

/// State of an index on the Board.
#[derive(Clone, Debug, PartialEq)]
pub enum IndexState {
    /// Neither in `values` nor on the pending list.
    Absent,
    /// `Nothing yet!` in `values`, but not on the pending list: written by a foreign server, or left
    /// over after data was lost.
    Unlisted,
    /// On the pending list, with the claim if there is one.
    Pending(Option<ClaimState>),
    /// There is a result, not verified.
    Result {
        /// Length of the value in bytes.
        bytes: u64,
        /// Marked as recorded, so that it may be evicted.
        recorded: bool,
    },
    /// Failed for good.
    GivenUp {
        /// Reason it failed.
        reason: String,
    },
}

/// A page of the fields of `values`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ScanPage {
    /// Cursor of the next page; `None` at the end.
    pub next: Option<u64>,
    /// Fields that are indexes.
    pub indexes: Vec<Index>,
    /// Number of fields that are not (`007`, `3abc`).
    pub ignored: u64,
}

/// A channel of the Board.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Channel {
    /// `insert`: submitted indexes.
    Insert,
    /// `events`: our own notices.
    Events,
}

/// A message received on a channel.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "most messages are notices, and they are handled one by one")]
pub enum Message {
    /// A message on `insert`, unparsed: foreign publishers may send anything.
    Insert(String),
    /// A notice on `events`.
    Notice(Notice),
}

/// Messages in order. The stream ends when the connection is lost or messages were missed; the
/// subscriber then subscribes again and checks the state, since messages may be lost.
pub type Subscription = BoxStream<'static, Message>;

/// Results, the pending list with its leases, and wake-ups.
///
/// Every change is one atomic step. All data may vanish at any time; it is restored from the Record.
/// Leases expire by the Board's own clock, so the workers' clocks do not matter.
#[async_trait]
pub trait Board: Send + Sync + 'static {
    /// Exercises everything that store and workers use: reading, writing and deleting each key, publishing and
    /// receiving messages. Leaves nothing behind, and publishes nothing that others read. Frequent calls
    /// share one result, which is then up to a second old, unless something has failed since.
    async fn check(&self) -> BoardHealth;

    /// Puts an index on the pending list, due now, and sets its field in `values` to `Nothing yet!` if
    /// absent. Does nothing if the index has a result, or was given up and is not submitted
    /// again. Only this and [`Board::reject`] add to the list.
    async fn enqueue(&self, index: Index, reason: EnqueueReason) -> Result<EnqueueOutcome, BoardError>;

    /// Claims the index that has been due longest for the duration `lease`, counts the attempt and publishes
    /// [`Notice::Claimed`]. Indexes that already have a result are taken off the list; one whose fifth lease
    /// expired is given up, with [`Notice::GivenUp`].
    async fn claim(&self, worker: &WorkerId, lease: Duration) -> Result<Option<Claim>, BoardError> {
        self.claim_up_to(Index::MAX, worker, lease).await
    }

    /// Like [`Board::claim`], but only an index up to `highest`, among the first thousand that are due.
    async fn claim_up_to(
        &self,
        highest: Index,
        worker: &WorkerId,
        lease: Duration,
    ) -> Result<Option<Claim>, BoardError>;

    /// Extends a lease and publishes [`Notice::Progress`]. Returns false if the lease is no longer held, because it
    /// expired; the attempt then doesn't count, since its worker was only cut off. Returns true if the index was given
    /// up meanwhile, since a late result is still accepted.
    async fn renew(&self, lease: &Lease, duration: Duration, progress: f64) -> Result<bool, BoardError>;

    /// Ends a claim without counting the attempt (a graceful stop, or a result that cannot be posted). The
    /// index is due after `wait`; if that is zero, `insert` is published. Returns false if the lease was
    /// no longer held.
    async fn release(&self, lease: &Lease, wait: Duration) -> Result<bool, BoardError>;

    /// Ends an attempt without a result. The index is due again after a backoff (1 s, doubled with each
    /// attempt, up to 30 s), or given up after the fifth attempt or if `final_attempt` is set.
    async fn fail(&self, lease: &Lease, reason: &str, final_attempt: bool)
    -> Result<FailOutcome, BoardError>;

    /// Posts a result: sets the field, takes the index off the list, drops claim and failure, and
    /// publishes [`Notice::Finished`] exactly once. Accepted even if the lease was lost, since every
    /// worker gets the same result. If memory is full, recorded results are evicted to make room.
    async fn finish(&self, lease: &Lease, value: &str, computed_us: u64)
    -> Result<FinishOutcome, BoardError>;

    /// Returns the state of each index, in the same order.
    async fn index_states(&self, indexes: &[Index]) -> Result<Vec<IndexState>, BoardError>;

    /// Returns a page of roughly `count` fields of `values`. The cursor of the first page is 0.
    async fn scan(&self, cursor: u64, count: u32) -> Result<ScanPage, BoardError>;

    /// Returns the result of an index, not verified, and marks it as just used.
    async fn result(&self, index: Index) -> Result<Option<String>, BoardError>;

    /// Removes a wrong result: if the field still holds `wrong`, sets it to `Nothing yet!` and puts the
    /// index on the pending list. `insert` is not published, since a wrong foreign worker would answer it
    /// with the same value, over and over. Returns false if the field has changed.
    async fn reject(&self, index: Index, wrong: &str) -> Result<bool, BoardError>;

    /// Marks a result as recorded and just used, and takes the index off the pending list (a foreign
    /// worker doesn't). Then evicts the least recently used results, but never this one, until
    /// the recorded ones fit into `budget_bytes`, or less if the Board's memory is small. Results that are
    /// not recorded are never evicted. Returns the evicted indexes.
    async fn mark_recorded(&self, index: Index, budget_bytes: u64) -> Result<Vec<Index>, BoardError>;

    /// Evicts the least recently used results, but never the most recent one, until the recorded ones fit
    /// into `budget_bytes`, or less if the Board's memory is small. Returns the evicted indexes.
    async fn evict(&self, budget_bytes: u64) -> Result<Vec<Index>, BoardError>;

    /// Publishes a notice on `events`.
    async fn publish(&self, notice: &Notice) -> Result<(), BoardError>;

    /// Subscribes to channels. The subscription is active when this returns.
    async fn subscribe(&self, channels: &[Channel]) -> Result<Subscription, BoardError>;

    /// Length of the pending list, including claimed indexes.
    async fn pending_len(&self) -> Result<u64, BoardError>;
}
