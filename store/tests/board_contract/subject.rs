//! A Board under test, with operations for tests only.

use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures::StreamExt;
use protocol::{Index, Notice, WorkerId};
use store::{
    Board, Claim, EnqueueReason, InProcessBoard, IndexState, Message, RedisBoard, RedisConfig, Subscription,
};
use throwaway::Redis;

/// Timeout of every wait, generous for a busy machine.
const TIMEOUT: Duration = Duration::from_secs(30);
pub(crate) const HOUR: Duration = Duration::from_secs(3_600);
pub(crate) const LEASE: Duration = Duration::from_secs(600);

/// A Board under test.
pub(crate) struct Subject {
    board: Box<dyn Board>,
    kind: Kind,
}

enum Kind {
    /// Number of µs by which its clock is ahead.
    InProcess(Arc<AtomicU64>),
    OnRedis(Redis),
}

impl Deref for Subject {
    type Target = dyn Board;

    fn deref(&self) -> &Self::Target {
        &*self.board
    }
}

impl Subject {
    pub(crate) fn in_process() -> Self {
        let ahead = Arc::new(AtomicU64::new(0));
        let clock = Arc::clone(&ahead);
        let board = InProcessBoard::with_clock(move || store::now_us() + clock.load(Ordering::Relaxed));
        Self { board: Box::new(board), kind: Kind::InProcess(ahead) }
    }

    pub(crate) fn on_redis() -> Self {
        let redis = Redis::start().unwrap();
        let board = RedisBoard::new(&RedisConfig::new(redis.host(), redis.port())).unwrap();
        Self { board: Box::new(board), kind: Kind::OnRedis(redis) }
    }

    pub(crate) fn redis(&self) -> &Redis {
        match &self.kind {
            Kind::OnRedis(redis) => redis,
            Kind::InProcess(_) => panic!("the in-process Board has no Redis"),
        }
    }

    /// Advances the clock by an hour, which ends all leases and waits.
    pub(crate) fn an_hour_passes(&self) {
        match &self.kind {
            Kind::InProcess(ahead) => {
                ahead.fetch_add(HOUR.as_micros() as u64, Ordering::Relaxed);
            }
            Kind::OnRedis(redis) => {
                let script = "for _, index in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do \
                              redis.call('ZINCRBY', KEYS[1], -3600000, index) end";
                redis.execute(&["EVAL", script, "1", "{values}:pending"]).unwrap();
            }
        }
    }

    /// Publishes many messages on `insert` while no subscriber reads them. On Redis, waits until the
    /// subscription has ended.
    pub(crate) async fn flood_insert(&self, messages: u32) {
        match &self.kind {
            Kind::InProcess(_) => {
                for _ in 0..messages {
                    self.enqueue(index(1), EnqueueReason::Submission).await.unwrap();
                }
            }
            Kind::OnRedis(redis) => {
                let script = "for _ = 1, ARGV[1] do redis.call('PUBLISH', 'insert', '1') end";
                redis.execute(&["EVAL", script, "0", &messages.to_string()]).unwrap();
                until("the subscription ended", async || {
                    redis.execute(&["PUBSUB", "NUMSUB", "insert"]).unwrap().ends_with("\n0")
                })
                .await;
            }
        }
    }

    /// Claims an index under a long lease, if one is due.
    pub(crate) async fn claim_as(&self, name: &str) -> Option<Claim> {
        self.claim(&worker(name), LEASE).await.unwrap()
    }

    pub(crate) async fn state(&self, number: u32) -> IndexState {
        self.index_states(&[index(number)]).await.unwrap().remove(0)
    }

    pub(crate) async fn submit(&self, numbers: &[u32]) {
        for number in numbers {
            self.enqueue(index(*number), EnqueueReason::Submission).await.unwrap();
        }
    }

    /// Posts a result without a claim.
    pub(crate) async fn post(&self, number: u32, value: &str) {
        let lease = store::Lease { index: index(number), worker: worker("poster"), token: "none".to_owned() };
        self.finish(&lease, value, 1).await.unwrap();
    }
}

pub(crate) fn index(number: u32) -> Index {
    Index::try_from(number).unwrap()
}

pub(crate) fn indexes(numbers: &[u32]) -> Vec<Index> {
    numbers.iter().copied().map(index).collect()
}

pub(crate) fn worker(name: &str) -> WorkerId {
    WorkerId::new(name)
}

/// Receives the next message.
pub(crate) async fn next_message(subscription: &mut Subscription) -> Message {
    tokio::time::timeout(TIMEOUT, subscription.next())
        .await
        .expect("no message was received")
        .expect("the subscription ended")
}

/// Receives the next message, which must be a notice.
pub(crate) async fn notice(subscription: &mut Subscription) -> Notice {
    match next_message(subscription).await {
        Message::Notice(notice) => notice,
        other => panic!("expected a notice, got {other:?}"),
    }
}

/// Waits for the end of a subscription and returns the number of messages before it.
pub(crate) async fn end(subscription: Subscription) -> usize {
    tokio::time::timeout(TIMEOUT, subscription.count()).await.expect("the subscription did not end")
}

/// A notice with no meaning, published to check that nothing else was published before it.
pub(crate) fn marker(number: u32) -> Notice {
    Notice::Progress { index: index(number), worker: worker("marker"), attempt: 1, progress: 0.0 }
}

/// Waits for a condition.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + TIMEOUT;
    while !condition().await {
        assert!(Instant::now() < deadline, "timed out waiting until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
