//! The Board on Redis.

mod answers;
mod config;
mod connections;
mod scripts;
mod subscription;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use deadpool_redis::redis::{Cmd, FromRedisValue, ScriptInvocation, cmd};
use protocol::{Index, SHORT_DIGITS, WorkerId, names};

pub use self::config::{Deadlines, RedisConfig, RedisConfigError};
use self::{
    answers::{number, unreadable},
    connections::{Connections, Request},
    scripts::Scripts,
};
use super::attempts::{MAX_ATTEMPTS, SILENT, backoff};
use crate::{
    Board, BoardError, Claim, Completed, Enqueue, Enqueued, FailOutcome, Lease, Notice, ScanPage, Sighting,
    Subscription, Topic,
};

/// How many indexes one script looks at, so that it does not hold Redis up for long.
const LOOKED_AT_ONCE: usize = 1_000;

/// The Board on Redis: what lets any number of servers and workers share the work.
///
/// Each change is a Lua script, that is one atomic step. Connections are made when needed: Redis may
/// be down when this is made, and may go and come back at any time.
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
    /// Prepares to talk to Redis; connects to nobody.
    ///
    /// # Errors
    /// The certificate file can't be read, or the settings can't be used.
    pub fn new(config: &RedisConfig) -> Result<Self, RedisConfigError> {
        Ok(Self { connections: Connections::new(config)?, scripts: Scripts::new() })
    }

    async fn command<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, BoardError> {
        self.connections.ask(Request::Command(command)).await
    }

    async fn script<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, BoardError> {
        self.connections.ask(Request::Script(script)).await
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
                "Redis has maxmemory-policy {policy}: when its memory is full it drops pending indexes \
                 and results at will, which then have to be found missing and computed again. \
                 Set maxmemory-policy to noeviction."
            )
        }))
    }

    async fn enqueue(&self, index: Index, how: Enqueue) -> Result<Enqueued, BoardError> {
        let how = match how {
            Enqueue::Submitted => "submitted",
            Enqueue::Swept => "swept",
            Enqueue::Heard => "heard",
        };
        let answer: String = self.script(self.scripts.enqueue().arg(index.get()).arg(how)).await?;
        answers::enqueued(&answer)
    }

    async fn claim(&self, worker: &WorkerId, lease: Duration) -> Result<Option<Claim>, BoardError> {
        loop {
            let token = new_token(worker);
            let mut claim = self.scripts.claim();
            claim.arg(worker.as_str()).arg(&token).arg(micros(lease)).arg(MAX_ATTEMPTS).arg(SILENT);
            let answer: Vec<String> = self.script(&claim).await?;
            match answer.as_slice() {
                [] => return Ok(None),
                [again] if again == "again" => {}
                [index, attempt, announced_us, claimed_us] => {
                    let index = answers::index(index)?;
                    return Ok(Some(Claim {
                        lease: Lease { index, worker: worker.clone(), token },
                        attempt: number(attempt)?,
                        announced_us: number(announced_us)?,
                        claimed_us: number(claimed_us)?,
                    }));
                }
                other => return Err(unreadable("a claim", &other.join(" "))),
            }
        }
    }

    async fn renew(&self, lease: &Lease, duration: Duration, progress: f64) -> Result<bool, BoardError> {
        let mut renew = self.scripts.renew();
        let progress = if progress.is_nan() { 0.0 } else { progress.clamp(0.0, 1.0) };
        renew.arg(lease.index.get()).arg(&lease.token).arg(micros(duration)).arg(progress);
        self.script(&renew).await
    }

    async fn give_back(&self, lease: &Lease) -> Result<bool, BoardError> {
        self.script(self.scripts.give_back().arg(lease.index.get()).arg(&lease.token)).await
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
        let answer: String = self.script(fail.arg(MAX_ATTEMPTS).arg(waits.join(","))).await?;
        match answer.as_str() {
            "lost" => Ok(FailOutcome::Lost),
            "given_up" => Ok(FailOutcome::GivenUp),
            wait_us => Ok(FailOutcome::Retry { after: Duration::from_micros(number(wait_us)?) }),
        }
    }

    async fn finish(&self, lease: &Lease, value: &str, computed_us: u64) -> Result<Completed, BoardError> {
        let mut finish = self.scripts.finish();
        finish.arg(lease.index.get()).arg(&lease.token).arg(lease.worker.as_str()).arg(value);
        let first: bool = self.script(finish.arg(computed_us).arg(SHORT_DIGITS)).await?;
        Ok(if first { Completed::First } else { Completed::Again })
    }

    async fn look(&self, indexes: &[Index]) -> Result<Vec<Sighting>, BoardError> {
        let mut sightings = Vec::with_capacity(indexes.len());
        for indexes in indexes.chunks(LOOKED_AT_ONCE) {
            let mut look = self.scripts.look();
            for index in indexes {
                look.arg(index.get());
            }
            let answer: Vec<String> = self.script(&look).await?;
            for pair in answer.chunks_exact(2) {
                sightings.push(answers::sighting(&pair[0], &pair[1])?);
            }
        }
        Ok(sightings)
    }

    async fn scan(&self, cursor: u64, count: u32) -> Result<ScanPage, BoardError> {
        let answer: Vec<Vec<u8>> = self.script(self.scripts.scan().arg(cursor).arg(count)).await?;
        answers::scan_page(&answer)
    }

    async fn result(&self, index: Index) -> Result<Option<String>, BoardError> {
        let answer: Option<Vec<u8>> = self.script(self.scripts.result().arg(index.get())).await?;
        // What foreign workers write need not even be text.
        Ok(answer.map(lossy))
    }

    async fn reject(&self, index: Index, wrong: &str) -> Result<bool, BoardError> {
        if self.reject_bytes(index, wrong.as_bytes()).await? {
            return Ok(true);
        }
        if !wrong.contains(char::REPLACEMENT_CHARACTER) {
            return Ok(false);
        }
        // It may have been no text, and was given out as well as it could be.
        let held: Option<Vec<u8>> = self.script(self.scripts.result().arg(index.get())).await?;
        match held {
            Some(held) if String::from_utf8_lossy(&held) == wrong => self.reject_bytes(index, &held).await,
            _ => Ok(false),
        }
    }

    async fn copied(&self, index: Index, budget_bytes: u64) -> Result<Vec<Index>, BoardError> {
        let evicted: Vec<String> =
            self.script(self.scripts.copied().arg(index.get()).arg(budget_bytes)).await?;
        evicted.iter().map(|index| answers::index(index)).collect()
    }

    async fn publish(&self, notice: &Notice) -> Result<(), BoardError> {
        let json = serde_json::to_string(notice)
            .map_err(|error| BoardError::Unreadable(format!("a notice that can't be written: {error}")))?;
        self.command(cmd("PUBLISH").arg(names::EVENTS).arg(json)).await
    }

    async fn subscribe(&self, topics: &[Topic]) -> Result<Subscription, BoardError> {
        subscription::subscribe(&self.connections, topics).await
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

/// Never used again: no other start of a worker has this id, and this one counts.
fn new_token(worker: &WorkerId) -> String {
    static TOKENS: AtomicU64 = AtomicU64::new(1);
    format!("{worker}/{}", TOKENS.fetch_add(1, Ordering::Relaxed))
}
