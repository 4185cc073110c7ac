//! The Board on Redis.

mod check;
mod config;
mod connections;
mod fault;
mod memory;
mod replies;
mod scripts;
mod subscription;
mod subscriptions;

use std::{
    sync::{
        Arc, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use deadpool_redis::redis::{Cmd, FromRedisValue, ScriptInvocation, cmd};
use protocol::{Index, Notice, SHORT_DIGITS, WorkerId, names};
use tokio::sync::Mutex;

pub use self::config::{Deadlines, RedisConfig, RedisConfigError};
use self::{
    connections::{Connections, Request},
    memory::Memory,
    replies::{number, unexpected},
    scripts::Scripts,
    subscriptions::Subscriptions,
};
use super::retry_policy::{LEASE_EXPIRED, MAX_ATTEMPTS, backoff};
use crate::{
    Board, BoardError, BoardHealth, Channel, Claim, EnqueueOutcome, EnqueueReason, FailOutcome,
    FinishOutcome, IndexState, Lease, ScanPage, Subscription,
};

/// Maximum number of indexes per script run, so that no run blocks Redis for long.
const INDEXES_PER_RUN: usize = 1_000;

/// Maximum number of claims without a reply that are remembered. During an outage most were never granted.
const MAX_LOST_CLAIMS: usize = 16;

/// The Board on Redis, through which any number of servers and workers share the work.
///
/// Each change is a Lua script and so one atomic step. Connections are opened on demand: Redis may be
/// down when this is created, and may restart at any time.
///
/// ```no_run
/// use store::{Board, RedisBoard, RedisConfig};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let config = RedisConfig { tls: true, ..RedisConfig::new("redis.example.org", 6379) };
/// let board = RedisBoard::new(&config)?;
/// assert!(board.check().await.is_ok());
/// # Ok(())
/// # }
/// ```
pub struct RedisBoard {
    connections: Connections,
    scripts: Scripts,
    subscriptions: Arc<Subscriptions>,
    /// Tokens of claims without a reply, which Redis may have granted.
    lost_claims: std::sync::Mutex<Vec<String>>,
    /// Locked while a check runs, so that concurrent callers share it.
    last_check: Mutex<Option<(Instant, BoardHealth)>>,
    failed_since_check: AtomicBool,
    known_memory: Mutex<Option<(Instant, Memory)>>,
}

impl RedisBoard {
    /// Creates the Board without connecting yet.
    ///
    /// # Errors
    /// The certificate file cannot be read, or the settings are invalid.
    pub fn new(config: &RedisConfig) -> Result<Self, RedisConfigError> {
        Ok(Self {
            connections: Connections::new(config)?,
            scripts: Scripts::new(),
            subscriptions: Subscriptions::new(),
            lost_claims: std::sync::Mutex::default(),
            last_check: Mutex::default(),
            failed_since_check: AtomicBool::new(false),
            known_memory: Mutex::default(),
        })
    }

    async fn command<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, BoardError> {
        self.tracked(Request::Command(command)).await
    }

    async fn script<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, BoardError> {
        self.tracked(Request::Script(script)).await
    }

    /// Sends a request; an error makes the last check outdated.
    async fn tracked<T: FromRedisValue>(&self, request: Request<'_>) -> Result<T, BoardError> {
        let reply = self.connections.send(request).await;
        if reply.is_err() {
            self.failed_since_check.store(true, Ordering::Relaxed);
        }
        reply
    }

    /// Runs a script that writes `bytes`. If Redis's memory is full, evicts results and tries once more.
    async fn script_with_room<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
        bytes: u64,
    ) -> Result<T, BoardError> {
        match self.script(script).await {
            Err(BoardError::Full(_)) => {
                self.make_room(bytes).await?;
                self.script(script).await
            }
            reply => reply,
        }
    }

    fn lock_lost_claims(&self) -> MutexGuard<'_, Vec<String>> {
        // Locked for a single step, never across an await.
        self.lost_claims.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn reject_bytes(&self, index: Index, wrong: &[u8]) -> Result<bool, BoardError> {
        self.script(self.scripts.reject().arg(index.get()).arg(wrong)).await
    }
}

#[async_trait]
impl Board for RedisBoard {
    async fn check(&self) -> BoardHealth {
        self.check_cached().await
    }

    async fn enqueue(&self, index: Index, reason: EnqueueReason) -> Result<EnqueueOutcome, BoardError> {
        let reason = match reason {
            EnqueueReason::Submission => "submission",
            EnqueueReason::Sweep => "sweep",
            EnqueueReason::Message => "message",
        };
        let reply: String =
            self.script_with_room(self.scripts.enqueue().arg(index.get()).arg(reason), 0).await?;
        replies::enqueue_outcome(&reply)
    }

    async fn claim_up_to(
        &self,
        highest: Index,
        worker: &WorkerId,
        lease: Duration,
    ) -> Result<Option<Claim>, BoardError> {
        loop {
            let token = new_token(worker);
            let mut claim = self.scripts.claim();
            claim.arg(worker.as_str()).arg(&token).arg(micros(lease)).arg(MAX_ATTEMPTS).arg(LEASE_EXPIRED);
            let lost = self.lock_lost_claims().pop();
            claim.arg(lost.as_deref().unwrap_or_default());
            claim.arg(if highest < Index::MAX { highest.to_string() } else { String::new() });
            let reply = self.script::<Vec<String>>(&claim).await;
            if reply.is_err() {
                let mut lost_claims = self.lock_lost_claims();
                lost_claims.extend(lost);
                lost_claims.push(token.clone());
                let surplus = lost_claims.len().saturating_sub(MAX_LOST_CLAIMS);
                lost_claims.drain(..surplus);
            }
            let reply = reply?;
            match reply.as_slice() {
                [] => return Ok(None),
                [more] if more == "more" => {}
                [index, attempt, announced_us, claimed_us] => {
                    let index = replies::index(index)?;
                    return Ok(Some(Claim {
                        lease: Lease { index, worker: worker.clone(), token },
                        attempt: number(attempt)?,
                        announced_us: number(announced_us)?,
                        claimed_us: number(claimed_us)?,
                    }));
                }
                other => return Err(unexpected("a claim", &other.join(" "))),
            }
        }
    }

    async fn renew(&self, lease: &Lease, duration: Duration, progress: f64) -> Result<bool, BoardError> {
        let mut renew = self.scripts.renew();
        let progress = if progress.is_nan() { 0.0 } else { progress.clamp(0.0, 1.0) };
        renew.arg(lease.index.get()).arg(&lease.token).arg(micros(duration)).arg(progress);
        self.script(&renew).await
    }

    async fn release(&self, lease: &Lease, wait: Duration) -> Result<bool, BoardError> {
        let mut release = self.scripts.release();
        self.script(release.arg(lease.index.get()).arg(&lease.token).arg(micros(wait))).await
    }

    async fn fail(
        &self,
        lease: &Lease,
        reason: &str,
        final_attempt: bool,
    ) -> Result<FailOutcome, BoardError> {
        let waits: Vec<_> = (1..MAX_ATTEMPTS).map(|attempt| micros(backoff(attempt)).to_string()).collect();
        let mut fail = self.scripts.fail();
        fail.arg(lease.index.get()).arg(&lease.token).arg(reason).arg(u8::from(final_attempt));
        let reply: String = self.script(fail.arg(MAX_ATTEMPTS).arg(waits.join(","))).await?;
        match reply.as_str() {
            "lost" => Ok(FailOutcome::Lost),
            "given_up" => Ok(FailOutcome::GivenUp),
            wait_us => Ok(FailOutcome::Retry { after: Duration::from_micros(number(wait_us)?) }),
        }
    }

    async fn finish(
        &self,
        lease: &Lease,
        value: &str,
        computed_us: u64,
    ) -> Result<FinishOutcome, BoardError> {
        let mut finish = self.scripts.finish();
        finish.arg(lease.index.get()).arg(&lease.token).arg(lease.worker.as_str()).arg(value);
        let bytes = value.len() as u64;
        match self.script_with_room(finish.arg(computed_us).arg(SHORT_DIGITS), bytes).await {
            Ok(true) => Ok(FinishOutcome::First),
            Ok(false) => Ok(FinishOutcome::Duplicate),
            Err(BoardError::Full(error)) => {
                match self.memory().await.ok().and_then(|m| m.never_fits(bytes)) {
                    Some(capacity) => Ok(FinishOutcome::TooLarge { capacity }),
                    None => Err(BoardError::Full(error)),
                }
            }
            Err(error) => Err(error),
        }
    }

    async fn index_states(&self, indexes: &[Index]) -> Result<Vec<IndexState>, BoardError> {
        let mut states = Vec::with_capacity(indexes.len());
        for indexes in indexes.chunks(INDEXES_PER_RUN) {
            let mut script = self.scripts.index_states();
            for index in indexes {
                script.arg(index.get());
            }
            let reply: Vec<String> = self.script(&script).await?;
            for pair in reply.chunks_exact(2) {
                states.push(replies::index_state(&pair[0], &pair[1])?);
            }
        }
        Ok(states)
    }

    async fn scan(&self, cursor: u64, count: u32) -> Result<ScanPage, BoardError> {
        let reply: Vec<Vec<u8>> = self.script(self.scripts.scan().arg(cursor).arg(count)).await?;
        replies::scan_page(&reply)
    }

    async fn result(&self, index: Index) -> Result<Option<String>, BoardError> {
        let reply: Option<Vec<u8>> = self.script(self.scripts.result().arg(index.get())).await?;
        // A foreign worker's result may not even be UTF-8.
        Ok(reply.map(lossy))
    }

    async fn reject(&self, index: Index, wrong: &str) -> Result<bool, BoardError> {
        if self.reject_bytes(index, wrong.as_bytes()).await? {
            return Ok(true);
        }
        if !wrong.contains(char::REPLACEMENT_CHARACTER) {
            return Ok(false);
        }
        // The result may not be UTF-8, in which case `result` returned it with replacement characters.
        let held: Option<Vec<u8>> = self.script(self.scripts.result().arg(index.get())).await?;
        match held {
            Some(held) if String::from_utf8_lossy(&held) == wrong => self.reject_bytes(index, &held).await,
            _ => Ok(false),
        }
    }

    async fn mark_recorded(&self, index: Index, budget_bytes: u64) -> Result<Vec<Index>, BoardError> {
        let budget = self.budget(budget_bytes).await;
        let evicted: Vec<String> =
            self.script(self.scripts.mark_recorded().arg(index.get()).arg(budget)).await?;
        replies::indexes(&evicted)
    }

    async fn evict(&self, budget_bytes: u64) -> Result<Vec<Index>, BoardError> {
        let budget = self.budget(budget_bytes).await;
        let evicted: Vec<String> = self.script(self.scripts.evict().arg("budget").arg(budget)).await?;
        replies::indexes(&evicted)
    }

    async fn publish(&self, notice: &Notice) -> Result<(), BoardError> {
        let json = notice.to_json().map_err(|error| BoardError::Unavailable(Box::new(error)))?;
        self.command(cmd("PUBLISH").arg(names::EVENTS).arg(json)).await
    }

    async fn subscribe(&self, channels: &[Channel]) -> Result<Subscription, BoardError> {
        subscription::subscribe(&self.connections, &self.subscriptions, channels).await
    }

    async fn pending_len(&self) -> Result<u64, BoardError> {
        self.command(cmd("ZCARD").arg(names::PENDING)).await
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Returns a token that is never reused: worker ids are unique per process start, and the process counts.
fn new_token(worker: &WorkerId) -> String {
    static TOKENS: AtomicU64 = AtomicU64::new(1);
    format!("{worker}/{}", TOKENS.fetch_add(1, Ordering::Relaxed))
}
