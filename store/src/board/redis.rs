//! The Board on Redis.

mod config;
mod connections;
mod replies;
mod scripts;
mod subscription;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use deadpool_redis::redis::{Cmd, FromRedisValue, ScriptInvocation, cmd};
use protocol::{Index, Notice, SHORT_DIGITS, WorkerId, names};

pub use self::config::{Deadlines, RedisConfig, RedisConfigError};
use self::{
    connections::{Connections, Request},
    replies::{number, unexpected},
    scripts::Scripts,
};
use super::retry_policy::{LEASE_EXPIRED, MAX_ATTEMPTS, backoff};
use crate::{
    Board, BoardError, Channel, Claim, EnqueueOutcome, EnqueueReason, FailOutcome, FinishOutcome, IndexState,
    Lease, ScanPage, Subscription,
};

/// Number of indexes per script run, so that it doesn't block Redis for long.
const INDEXES_PER_RUN: usize = 1_000;

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
/// board.check().await?;
/// # Ok(())
/// # }
/// ```
pub struct RedisBoard {
    connections: Connections,
    scripts: Scripts,
}

impl RedisBoard {
    /// Creates the Board without connecting yet.
    ///
    /// # Errors
    /// The certificate file cannot be read, or the settings are invalid.
    pub fn new(config: &RedisConfig) -> Result<Self, RedisConfigError> {
        Ok(Self { connections: Connections::new(config)?, scripts: Scripts::new() })
    }

    async fn command<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, BoardError> {
        self.connections.send(Request::Command(command)).await
    }

    async fn script<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, BoardError> {
        self.connections.send(Request::Script(script)).await
    }

    async fn reject_bytes(&self, index: Index, wrong: &[u8]) -> Result<bool, BoardError> {
        self.script(self.scripts.reject().arg(index.get()).arg(wrong)).await
    }
}

#[async_trait]
impl Board for RedisBoard {
    async fn check(&self) -> Result<(), BoardError> {
        self.command(&cmd("PING")).await
    }

    async fn warning(&self) -> Result<Option<String>, BoardError> {
        // Not CONFIG GET: managed Redis forbids it.
        let memory: String = self.command(cmd("INFO").arg("memory")).await?;
        let policy = memory.lines().find_map(|line| line.strip_prefix("maxmemory_policy:")).map(str::trim);
        Ok(policy.filter(|policy| *policy != "noeviction").map(|policy| {
            format!(
                "Redis has maxmemory-policy {policy}, so when its memory is full, it evicts pending indexes \
                 and results, which must then be restored or computed again. \
                 Set maxmemory-policy to noeviction."
            )
        }))
    }

    async fn enqueue(&self, index: Index, reason: EnqueueReason) -> Result<EnqueueOutcome, BoardError> {
        let reason = match reason {
            EnqueueReason::Submission => "submission",
            EnqueueReason::Sweep => "sweep",
            EnqueueReason::Message => "message",
        };
        let reply: String = self.script(self.scripts.enqueue().arg(index.get()).arg(reason)).await?;
        replies::enqueue_outcome(&reply)
    }

    async fn claim(&self, worker: &WorkerId, lease: Duration) -> Result<Option<Claim>, BoardError> {
        loop {
            let token = new_token(worker);
            let mut claim = self.scripts.claim();
            claim.arg(worker.as_str()).arg(&token).arg(micros(lease)).arg(MAX_ATTEMPTS).arg(LEASE_EXPIRED);
            let reply: Vec<String> = self.script(&claim).await?;
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

    async fn release(&self, lease: &Lease) -> Result<bool, BoardError> {
        self.script(self.scripts.release().arg(lease.index.get()).arg(&lease.token)).await
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
        let first: bool = self.script(finish.arg(computed_us).arg(SHORT_DIGITS)).await?;
        Ok(if first { FinishOutcome::First } else { FinishOutcome::Duplicate })
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
        let evicted: Vec<String> =
            self.script(self.scripts.mark_recorded().arg(index.get()).arg(budget_bytes)).await?;
        evicted.iter().map(|index| replies::index(index)).collect()
    }

    async fn publish(&self, notice: &Notice) -> Result<(), BoardError> {
        let json = notice.to_json().map_err(|error| BoardError::Unavailable(Box::new(error)))?;
        self.command(cmd("PUBLISH").arg(names::EVENTS).arg(json)).await
    }

    async fn subscribe(&self, channels: &[Channel]) -> Result<Subscription, BoardError> {
        subscription::subscribe(&self.connections, channels).await
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
