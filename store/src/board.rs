//! The Board: results, the pending list with its leases, and the wake-ups.

mod attempts;
mod in_process;
mod redis;
mod relist;

use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use protocol::{Event, Index, WorkerId};
use serde::{Deserialize, Serialize};

pub use in_process::InProcessBoard;
pub use redis::{Deadlines, RedisBoard, RedisConfig, RedisConfigError};
pub use relist::relist;

/// Why the Board did not answer.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    /// It can't be reached, refused, or did not answer in time.
    #[error("the board did not answer: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It answered what this version can't read.
    #[error("the board answered what can't be read: {0}")]
    Unreadable(String),
}

/// Who wants an index on the pending list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Enqueue {
    /// Somebody submitted it: a failed one gets its attempts anew; `insert` is published as long
    /// as it is pending, also when it stood on the list already.
    Submitted,
    /// The sweep missed it: `insert` is published if it was added.
    Swept,
    /// It was heard on `insert`: nothing is published.
    Heard,
}

/// What became of the wish.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Enqueued {
    /// It was not there; it is now.
    Added,
    /// It stood there already.
    AlreadyPending,
    /// There is a result.
    AlreadyDone,
    /// It failed for good, and only a submission brings it back.
    GivenUp,
}

/// The right to compute one index for a while.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lease {
    /// What to compute.
    pub index: Index,
    /// Who holds it.
    pub worker: WorkerId,
    /// Never used again; guards every change made under the lease.
    pub token: String,
}

/// A lease just granted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Claim {
    /// The right itself.
    pub lease: Lease,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// When it was put on the list, in µs since 1970 by the Board's clock.
    pub announced_us: u64,
    /// When it was claimed, in µs since 1970 by the Board's clock.
    pub claimed_us: u64,
}

/// A claim as others see it.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimState {
    /// Who holds it.
    pub worker: WorkerId,
    /// Which attempt it is, from 1.
    pub attempt: u32,
    /// When it was put on the list, in µs since 1970.
    pub announced_us: u64,
    /// When it was claimed, in µs since 1970.
    pub claimed_us: u64,
    /// The share done, 0.0 to 1.0, as last renewed.
    pub progress: f64,
}

/// What became of a finish.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Completed {
    /// The result is news.
    First,
    /// It stood there already: a duplicate after a crash.
    Again,
}

/// What became of a failed attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FailOutcome {
    /// It will be tried again after this time.
    Retry {
        /// The backoff.
        after: Duration,
    },
    /// That was the last attempt.
    GivenUp,
    /// The lease was no longer held; nothing changed.
    Lost,
}

/// How an index stands on the Board.
#[derive(Clone, Debug, PartialEq)]
pub enum Sighting {
    /// No field in `values`, and not on the pending list.
    Absent,
    /// `Nothing yet!` in `values`, but not on the pending list: a foreign writer's, or half lost.
    Unlisted,
    /// On the pending list, and claimed by someone or not.
    Pending(Option<ClaimState>),
    /// There is a result (unchecked), of this many bytes.
    Result {
        /// Length of the value.
        bytes: u64,
    },
    /// It was given up.
    GivenUp {
        /// Why.
        reason: String,
    },
}

/// Some of the fields of `values`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ScanPage {
    /// Where to go on; `None` at the end.
    pub next: Option<u64>,
    /// The fields that are indexes.
    pub indexes: Vec<Index>,
    /// How many fields were no index (`007`, `3abc`).
    pub ignored: u64,
}

/// News on the channel `events`, between our own servers and workers.
///
/// Workers do not know the Record, so theirs carry no revision; a server that hears them puts the
/// entry together. [`Notice::Changed`] is a server's, ready for whoever watches.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Notice {
    /// A worker took an index.
    Claimed {
        /// The index.
        index: Index,
        /// Who took it.
        worker: WorkerId,
        /// Which attempt, from 1.
        attempt: u32,
        /// When it was put on the list.
        announced_us: u64,
        /// When it was claimed.
        claimed_us: u64,
    },
    /// A worker came further.
    Progress {
        /// The index.
        index: Index,
        /// Who computes.
        worker: WorkerId,
        /// Which attempt, from 1.
        attempt: u32,
        /// The share done, 0.0 to 1.0.
        progress: f64,
    },
    /// A result of one of our workers stands in `values`.
    Finished {
        /// The index.
        index: Index,
        /// Who computed it.
        worker: WorkerId,
        /// When it was put on the list; absent if the claim was lost meanwhile.
        announced_us: Option<u64>,
        /// When it was claimed; absent if the claim was lost meanwhile.
        claimed_us: Option<u64>,
        /// When the worker had it, by its own clock.
        computed_us: u64,
        /// When it was posted.
        posted_us: u64,
        /// The value, when it has at most [`protocol::SHORT_DIGITS`] digits.
        value: Option<String>,
    },
    /// An index was given up.
    GivenUp {
        /// The index.
        index: Index,
        /// Why.
        reason: String,
    },
    /// The Record changed; this is what watchers get.
    Changed {
        /// The news.
        event: Event,
    },
}

/// A channel.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Topic {
    /// `insert`: an index was submitted.
    Insert,
    /// `events`: our own notices.
    Events,
}

/// A message.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "notices are the rule, and handled one by one")]
pub enum Heard {
    /// On `insert`, as it came: foreign publishers may send anything.
    Insert(String),
    /// On `events`.
    Notice(Notice),
}

/// Messages, in order. It ends when the connection is lost or messages were missed; whoever listens
/// then subscribes again and looks at the state, since news may have been lost.
pub type Subscription = BoxStream<'static, Heard>;

/// Results, the pending list with its leases, and the wake-ups.
///
/// Every change is one atomic step. All of it may vanish at any time; the Record brings it back.
/// Redis' own clock decides over leases, so that workers' clocks do not matter.
#[async_trait]
pub trait Board: Send + Sync + 'static {
    /// Does it answer?
    async fn check(&self) -> Result<(), BoardError>;

    /// What about its settings endangers the data, for the log at start: an eviction policy.
    async fn warning(&self) -> Result<Option<String>, BoardError>;

    /// The one way onto the pending list: adds the index, due now, only when its field in `values` is
    /// absent or `Nothing yet!` and it was not given up; sets `Nothing yet!` if absent.
    async fn enqueue(&self, index: Index, how: Enqueue) -> Result<Enqueued, BoardError>;

    /// Takes the lowest due index for `lease`, counts the attempt, publishes [`Notice::Claimed`].
    /// Skips and drops members that have a result meanwhile; gives up (with [`Notice::GivenUp`])
    /// an index whose fifth attempt ended without a word: its worker died.
    async fn claim(&self, worker: &WorkerId, lease: Duration) -> Result<Option<Claim>, BoardError>;

    /// Prolongs a lease and publishes [`Notice::Progress`]. `false`: it is no longer held.
    async fn renew(&self, lease: &Lease, duration: Duration, progress: f64) -> Result<bool, BoardError>;

    /// Puts a claim back unfinished, due now, without counting the attempt (a graceful stop), and
    /// publishes `insert`. `false`: it was no longer held.
    async fn give_back(&self, lease: &Lease) -> Result<bool, BoardError>;

    /// Ends an attempt without a result: due again after a backoff (1 s doubled per attempt, at most 30 s), or
    /// given up after the fifth attempt or when `final_attempt` says that trying again is useless.
    async fn fail(&self, lease: &Lease, reason: &str, final_attempt: bool)
    -> Result<FailOutcome, BoardError>;

    /// Posts a result, whoever holds the lease by now, since the answer is the same: sets the field,
    /// takes the index off the list, drops claim and failure, and publishes [`Notice::Finished`]
    /// exactly once.
    async fn finish(&self, lease: &Lease, value: &str, computed_us: u64) -> Result<Completed, BoardError>;

    /// How each of these indexes stands, in the same order.
    async fn look(&self, indexes: &[Index]) -> Result<Vec<Sighting>, BoardError>;

    /// Goes through the fields of `values`, from `cursor` 0, roughly `count` at a time.
    async fn scan(&self, cursor: u64, count: u32) -> Result<ScanPage, BoardError>;

    /// The result of an index, unchecked; marks it as just used.
    async fn result(&self, index: Index) -> Result<Option<String>, BoardError>;

    /// Takes a wrong result away: if the field still holds `wrong`, it becomes `Nothing yet!` and the
    /// index stands on the pending list again, without publishing `insert` (two workers must never
    /// answer each other for ever). `false`: the field had changed meanwhile.
    async fn reject(&self, index: Index, wrong: &str) -> Result<bool, BoardError>;

    /// The Record has copied the result: the index is pending no more, should it still be on the list
    /// (a foreign worker answered). Counts the result as used now, then evicts the results least
    /// recently used, never this one, until all together hold at most `budget_bytes`. Only results that were
    /// copied are ever evicted. Gives back those evicted.
    async fn copied(&self, index: Index, budget_bytes: u64) -> Result<Vec<Index>, BoardError>;

    /// Tells everybody who listens on `events`.
    async fn publish(&self, notice: &Notice) -> Result<(), BoardError>;

    /// Listens.
    async fn subscribe(&self, topics: &[Topic]) -> Result<Subscription, BoardError>;

    /// Length of the pending list, the claimed ones included.
    async fn pending_len(&self) -> Result<u64, BoardError>;
}
