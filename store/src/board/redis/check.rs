//! Check of Redis: exercises everything that the Board uses, and names what is missing.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use deadpool_redis::redis::{Value, cmd};
use protocol::names;
use tokio::time::timeout;

use super::{
    RedisBoard,
    connections::Request,
    fault::{Findings, redis_error},
};
use crate::{BoardError, BoardFault, BoardHealth, Channel};

/// Time for which a result is reused, so that frequent health checks do not load Redis.
const MAX_AGE: Duration = Duration::from_secs(1);
/// Time limit of a check; shorter than its callers' time limits, so that they get the reason.
const DEADLINE: Duration = Duration::from_millis(1_800);
/// Time limit for a message to arrive on a subscription.
const ECHO_DEADLINE: Duration = Duration::from_secs(1);

impl RedisBoard {
    /// Returns the result of the last check, or of a new one if that is too old or something has failed
    /// since. Concurrent callers share one check.
    pub(super) async fn check_cached(&self) -> BoardHealth {
        let mut last = self.last_check.lock().await;
        if let Some((at, health)) = &*last
            && at.elapsed() < MAX_AGE
            && !(health.is_ok() && self.failed_since_check.load(Ordering::Relaxed))
        {
            return health.clone();
        }
        let health = timeout(DEADLINE, self.exercise()).await.unwrap_or_else(|_| BoardHealth {
            faults: vec![BoardFault::no_reply(format!("Redis did not respond within {DEADLINE:?}."))],
            warnings: Vec::new(),
        });
        // The check's own errors are part of its result.
        self.failed_since_check.store(false, Ordering::Relaxed);
        *last = Some((Instant::now(), health.clone()));
        health
    }

    async fn exercise(&self) -> BoardHealth {
        static CHECKS: AtomicU64 = AtomicU64::new(1);
        let (mut findings, mut warnings) = (Findings::default(), Vec::new());
        // The pool uses PING and UNWATCH on each connection that it reuses.
        for (command, key) in [("PING", ""), ("UNWATCH", ""), ("ZCARD", names::PENDING)] {
            let mut request = cmd(command);
            if !key.is_empty() {
                request.arg(key);
            }
            if let Err(error) = self.command::<Value>(&request).await {
                findings.add_error(command, key, &error);
                if findings.nothing_works() {
                    if let Some(rejection) = self.connections.rejection().await {
                        findings = Findings::default();
                        findings.add_refusal(command, key, &rejection);
                    }
                    return findings.into_health(None, warnings);
                }
            }
        }
        let check = CHECKS.fetch_add(1, Ordering::Relaxed);
        let mut published = self.run_script(check, &mut findings).await;
        if findings.out_of_memory {
            findings.out_of_memory = false;
            if let Err(error) = self.make_room(0).await {
                findings.add_error("EVALSHA", names::RESULTS, &error);
            }
            published = self.run_script(check, &mut findings).await;
        }
        if published && !self.subscriptions.all_deliver(check, ECHO_DEADLINE).await {
            findings.add(BoardFault::refused(
                "Redis does not deliver messages to an open subscription; resubscribing.",
            ));
        }
        self.check_channels(&mut findings).await;
        let memory = self.memory().await;
        match &memory {
            Ok(memory) => warnings.extend(eviction_warning(&memory.policy)),
            Err(_) => warnings.push(
                "The Redis user may not run the command info, so the budget of results does not follow \
                 Redis's maxmemory: grant +info."
                    .to_owned(),
            ),
        }
        findings.into_health(memory.ok().and_then(|memory| memory.capacity), warnings)
    }

    /// Runs the script; returns true if it published its message.
    async fn run_script(&self, check: u64, findings: &mut Findings) -> bool {
        let mut script = self.scripts.check();
        script.key(names::CHECK).arg(names::CHECK).arg(self.subscriptions.echo(check));
        // Usually the script is known; but after Redis has lost its data, scripts must be loaded again.
        if let Err(error) = self.connections.send::<String>(Request::Load(&script)).await {
            findings.add_error("SCRIPT", "", &error);
        }
        match self.script::<Vec<String>>(&script).await {
            Ok(refused) => {
                let mut published = true;
                for refusal in refused.chunks_exact(3) {
                    published &= refusal[0] != "PUBLISH";
                    // Only checks use this channel.
                    let own = refusal[1] == names::CHECK && refusal[2].contains("channel");
                    if !own {
                        findings.add_refusal(&refusal[0], &refusal[1], &refusal[2]);
                    }
                }
                return published;
            }
            Err(error) if is_key_refusal(&error) => self.find_refused_keys(findings).await,
            Err(error) => findings.add_error("EVALSHA", names::VALUES, &error),
        }
        false
    }

    /// Finds the keys because of which a script was refused: Redis does not say which.
    async fn find_refused_keys(&self, findings: &mut Findings) {
        let mut refused = Vec::new();
        for key in [names::VALUES, names::CHECK] {
            let read = self.command::<Value>(cmd("HGET").arg(key).arg(names::CHECK)).await;
            if read.is_err_and(|error| is_key_refusal(&error)) {
                refused.push(key);
            }
        }
        if refused.is_empty() {
            // The keys can be read, so the refusal was about writing.
            refused.extend([names::VALUES, names::CHECK]);
        }
        refused.into_iter().for_each(|key| findings.add_key(key));
    }

    /// Checks that both channels may be used, unless open subscriptions prove it.
    async fn check_channels(&self, findings: &mut Findings) {
        if !self.subscriptions.cover(&[Channel::Insert, Channel::Events]) {
            for channel in [names::INSERT, names::EVENTS] {
                if let Err(error) = self.connections.subscribe(&[channel]).await {
                    findings.add_error("SUBSCRIBE", channel, &error);
                }
            }
        }
    }
}

fn is_key_refusal(error: &BoardError) -> bool {
    redis_error(error).is_some_and(|error| {
        error.code() == Some("NOPERM") && error.detail().is_some_and(|detail| !detail.contains("to run the"))
    })
}

fn eviction_warning(policy: &str) -> Option<String> {
    (!policy.is_empty() && policy != "noeviction").then(|| {
        format!(
            "Redis has maxmemory-policy {policy}, so when its memory is full, it evicts pending indexes \
             and results, which must then be restored or computed again. \
             Set maxmemory-policy to noeviction."
        )
    })
}
