//! The Board in this process: for a system that runs as one.

mod results;
mod scored;
mod state;

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures::{StreamExt, future};
use protocol::{Index, WorkerId};
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;

use self::state::{State, Tell};
use crate::{
    Board, BoardError, Claim, Completed, Enqueue, Enqueued, FailOutcome, Heard, Lease, Notice, ScanPage,
    Sighting, Subscription, Topic, now_us,
};

/// How many messages may wait for whoever listens. Who falls further behind has missed messages, and
/// the subscription ends.
const WAITING_MESSAGES: usize = 4_096;

/// The Board in this process, for a system that runs as one. It does exactly what the one on Redis
/// does, and forgets everything at the end of the process: the Record brings back what is pending.
///
/// ```
/// use std::time::Duration;
///
/// use protocol::{Index, WorkerId};
/// use store::{Board, Enqueue, InProcessBoard};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let board = InProcessBoard::new();
/// board.enqueue(Index::try_from(7)?, Enqueue::Submitted).await?;
/// let claim = board.claim(&WorkerId::new("w1"), Duration::from_secs(10)).await?;
/// assert_eq!(claim.map(|claim| claim.lease.index.get()), Some(7));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct InProcessBoard {
    locked: Mutex<Locked>,
    messages: broadcast::Sender<Heard>,
    clock: Box<dyn Fn() -> u64 + Send + Sync>,
}

/// Under one lock, so that every change is one step, and the messages come in the order of the changes.
#[derive(Default)]
struct Locked {
    state: State,
    /// The last time given out.
    last_us: u64,
}

impl InProcessBoard {
    /// An empty Board.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(now_us)
    }

    /// An empty Board with a clock of its own, in µs since 1970: for tests that do not want to wait.
    pub fn with_clock(clock: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self {
            locked: Mutex::default(),
            messages: broadcast::Sender::new(WAITING_MESSAGES),
            clock: Box::new(clock),
        }
    }

    /// Makes one step.
    fn step<T>(&self, step: impl FnOnce(&mut State, u64, Tell<'_>) -> T) -> T {
        // A step that panicked left no invariant of the state broken for good: the Record repairs it.
        let mut locked = self.locked.lock().unwrap_or_else(PoisonError::into_inner);
        // Never the same time twice, so that what came first is due first.
        locked.last_us = (self.clock)().max(locked.last_us + 1);
        let now_us = locked.last_us;
        // That nobody listens is no error.
        step(&mut locked.state, now_us, &|heard| drop(self.messages.send(heard)))
    }
}

impl Default for InProcessBoard {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Board for InProcessBoard {
    async fn check(&self) -> Result<(), BoardError> {
        Ok(())
    }

    async fn warning(&self) -> Result<Option<String>, BoardError> {
        Ok(None)
    }

    async fn enqueue(&self, index: Index, how: Enqueue) -> Result<Enqueued, BoardError> {
        Ok(self.step(|state, now_us, tell| state.enqueue(index, how, now_us, tell)))
    }

    async fn claim(&self, worker: &WorkerId, lease: Duration) -> Result<Option<Claim>, BoardError> {
        Ok(self.step(|state, now_us, tell| state.claim(worker, lease, now_us, tell)))
    }

    async fn renew(&self, lease: &Lease, duration: Duration, progress: f64) -> Result<bool, BoardError> {
        Ok(self.step(|state, now_us, tell| state.renew(lease, duration, progress, now_us, tell)))
    }

    async fn give_back(&self, lease: &Lease) -> Result<bool, BoardError> {
        Ok(self.step(|state, now_us, tell| state.give_back(lease, now_us, tell)))
    }

    async fn fail(
        &self,
        lease: &Lease,
        reason: &str,
        final_attempt: bool,
    ) -> Result<FailOutcome, BoardError> {
        Ok(self.step(|state, now_us, tell| state.fail(lease, reason, final_attempt, now_us, tell)))
    }

    async fn finish(&self, lease: &Lease, value: &str, computed_us: u64) -> Result<Completed, BoardError> {
        Ok(self.step(|state, now_us, tell| state.finish(lease, value, computed_us, now_us, tell)))
    }

    async fn look(&self, indexes: &[Index]) -> Result<Vec<Sighting>, BoardError> {
        Ok(self.step(|state, now_us, _| indexes.iter().map(|index| state.look(*index, now_us)).collect()))
    }

    async fn scan(&self, cursor: u64, count: u32) -> Result<ScanPage, BoardError> {
        Ok(self.step(|state, _, _| state.scan(cursor, count)))
    }

    async fn result(&self, index: Index) -> Result<Option<String>, BoardError> {
        Ok(self.step(|state, now_us, _| state.result(index, now_us)))
    }

    async fn reject(&self, index: Index, wrong: &str) -> Result<bool, BoardError> {
        Ok(self.step(|state, now_us, _| state.reject(index, wrong, now_us)))
    }

    async fn copied(&self, index: Index, budget_bytes: u64) -> Result<Vec<Index>, BoardError> {
        Ok(self.step(|state, now_us, _| state.copied(index, budget_bytes, now_us)))
    }

    async fn publish(&self, notice: &Notice) -> Result<(), BoardError> {
        self.step(|_, _, tell| tell(Heard::Notice(notice.clone())));
        Ok(())
    }

    async fn subscribe(&self, topics: &[Topic]) -> Result<Subscription, BoardError> {
        let topics = topics.to_vec();
        // Whoever fell behind has missed messages: that is the end.
        Ok(BroadcastStream::new(self.messages.subscribe())
            .take_while(|message| future::ready(message.is_ok()))
            .filter_map(move |message| {
                future::ready(message.ok().filter(|heard| topics.contains(&topic(heard))))
            })
            .boxed())
    }

    async fn pending_len(&self) -> Result<u64, BoardError> {
        Ok(self.step(|state, _, _| state.pending_len()))
    }
}

fn topic(heard: &Heard) -> Topic {
    match heard {
        Heard::Insert(_) => Topic::Insert,
        Heard::Notice(_) => Topic::Events,
    }
}
