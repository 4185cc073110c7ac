//! The in-process Board, for embedded mode.

mod result_cache;
mod sorted_set;
mod state;

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures::{StreamExt, future};
use protocol::{Index, Notice, WorkerId};
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;

use self::state::{Publish, State};
use crate::{
    Board, BoardError, BoardHealth, Channel, Claim, EnqueueOutcome, EnqueueReason, FailOutcome,
    FinishOutcome, IndexState, Lease, Message, ScanPage, Subscription, now_us,
};

/// Number of messages buffered per subscriber. The subscription of one that falls further behind ends.
const BUFFERED_MESSAGES: usize = 4_096;

/// The in-process Board, for embedded mode. It behaves exactly like the one on Redis, and is empty
/// again after a restart: pending indexes are restored from the Record.
///
/// ```
/// use std::time::Duration;
///
/// use protocol::{Index, WorkerId};
/// use store::{Board, EnqueueReason, InProcessBoard};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let board = InProcessBoard::new();
/// board.enqueue(Index::try_from(7)?, EnqueueReason::Submission).await?;
/// let claim = board.claim(&WorkerId::new("w1"), Duration::from_secs(10)).await?;
/// assert_eq!(claim.map(|claim| claim.lease.index.get()), Some(7));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct InProcessBoard {
    locked: Mutex<Locked>,
    messages: broadcast::Sender<Message>,
    clock: Box<dyn Fn() -> u64 + Send + Sync>,
}

/// One lock over everything, so that every change is atomic and messages are in the order of changes.
#[derive(Default)]
struct Locked {
    state: State,
    /// Last time returned by the clock.
    last_us: u64,
}

impl InProcessBoard {
    /// Creates an empty Board.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(now_us)
    }

    /// Creates an empty Board that reads the time from `clock`, in µs since 1970, so that tests need not
    /// wait.
    pub fn with_clock(clock: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self {
            locked: Mutex::default(),
            messages: broadcast::Sender::new(BUFFERED_MESSAGES),
            clock: Box::new(clock),
        }
    }

    /// Runs one atomic step.
    fn step<T>(&self, step: impl FnOnce(&mut State, u64, Publish<'_>) -> T) -> T {
        // If a step panicked, reconciliation with the Record repairs the state.
        let mut locked = self.locked.lock().unwrap_or_else(PoisonError::into_inner);
        // Each time is returned once, so that indexes are due in the order in which they were enqueued.
        locked.last_us = (self.clock)().max(locked.last_us + 1);
        let now_us = locked.last_us;
        // Sending fails only if there are no subscribers.
        step(&mut locked.state, now_us, &|message| drop(self.messages.send(message)))
    }
}

impl Default for InProcessBoard {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Board for InProcessBoard {
    // This process's own memory needs no permissions and is always reachable.
    async fn check(&self) -> BoardHealth {
        BoardHealth::default()
    }

    async fn enqueue(&self, index: Index, reason: EnqueueReason) -> Result<EnqueueOutcome, BoardError> {
        Ok(self.step(|state, now_us, publish| state.enqueue(index, reason, now_us, publish)))
    }

    async fn claim_up_to(
        &self,
        highest: Index,
        worker: &WorkerId,
        lease: Duration,
    ) -> Result<Option<Claim>, BoardError> {
        Ok(self.step(|state, now_us, publish| state.claim(highest, worker, lease, now_us, publish)))
    }

    async fn renew(&self, lease: &Lease, duration: Duration, progress: f64) -> Result<bool, BoardError> {
        Ok(self.step(|state, now_us, publish| state.renew(lease, duration, progress, now_us, publish)))
    }

    async fn release(&self, lease: &Lease, wait: Duration) -> Result<bool, BoardError> {
        Ok(self.step(|state, now_us, publish| state.release(lease, wait, now_us, publish)))
    }

    async fn fail(
        &self,
        lease: &Lease,
        reason: &str,
        final_attempt: bool,
    ) -> Result<FailOutcome, BoardError> {
        Ok(self.step(|state, now_us, publish| state.fail(lease, reason, final_attempt, now_us, publish)))
    }

    async fn finish(
        &self,
        lease: &Lease,
        value: &str,
        computed_us: u64,
    ) -> Result<FinishOutcome, BoardError> {
        Ok(self.step(|state, now_us, publish| state.finish(lease, value, computed_us, now_us, publish)))
    }

    async fn index_states(&self, indexes: &[Index]) -> Result<Vec<IndexState>, BoardError> {
        Ok(self
            .step(|state, now_us, _| indexes.iter().map(|index| state.index_state(*index, now_us)).collect()))
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

    async fn mark_recorded(&self, index: Index, budget_bytes: u64) -> Result<Vec<Index>, BoardError> {
        Ok(self.step(|state, now_us, _| state.mark_recorded(index, budget_bytes, now_us)))
    }

    async fn evict(&self, budget_bytes: u64) -> Result<Vec<Index>, BoardError> {
        Ok(self.step(|state, _, _| state.evict(budget_bytes)))
    }

    async fn publish(&self, notice: &Notice) -> Result<(), BoardError> {
        self.step(|_, _, publish| publish(Message::Notice(notice.clone())));
        Ok(())
    }

    async fn subscribe(&self, channels: &[Channel]) -> Result<Subscription, BoardError> {
        let channels = channels.to_vec();
        // The first error means that messages were missed, so the subscription ends.
        Ok(BroadcastStream::new(self.messages.subscribe())
            .take_while(|message| future::ready(message.is_ok()))
            .filter_map(move |message| {
                future::ready(message.ok().filter(|message| channels.contains(&channel(message))))
            })
            .boxed())
    }

    async fn pending_len(&self) -> Result<u64, BoardError> {
        Ok(self.step(|state, _, _| state.pending_len()))
    }
}

fn channel(message: &Message) -> Channel {
    match message {
        Message::Insert(_) => Channel::Insert,
        Message::Notice(_) => Channel::Events,
    }
}
