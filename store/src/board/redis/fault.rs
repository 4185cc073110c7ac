//! Translates errors from Redis into faults, which state what is missing and what to do about it.

use std::{collections::BTreeSet, error::Error, iter::successors};

use deadpool_redis::{PoolError, redis::RedisError};
use protocol::names;

use crate::{BoardError, BoardFault, BoardHealth, certificate::RedisCertificateRejected};

/// Everything that a check found missing.
#[derive(Default)]
pub(super) struct Findings {
    commands: BTreeSet<String>,
    keys: BTreeSet<String>,
    channels: BTreeSet<String>,
    mistyped: BTreeSet<String>,
    unknown: BTreeSet<String>,
    /// A write was refused for lack of memory.
    pub(super) out_of_memory: bool,
    others: BoardHealth,
}

impl Findings {
    /// Adds the error of a command on a key or channel.
    pub(super) fn add_error(&mut self, command: &str, target: &str, error: &BoardError) {
        match redis_error(error) {
            Some(error) if error.code().is_some() => {
                let code = error.code().unwrap_or_default();
                self.add_refusal(command, target, &format!("{code} {}", error.detail().unwrap_or_default()));
            }
            _ => self.others.add(of_connection(error)),
        }
    }

    /// Adds a refusal, given Redis's error message.
    pub(super) fn add_refusal(&mut self, command: &str, target: &str, text: &str) {
        let has = |part: &str| text.contains(part);
        let command = command.to_lowercase();
        // Redis 7.2 and later name the user and the command, so look for the whole phrases.
        if has("permissions to run") || has("can't run this command") {
            self.commands.insert(denied_command(text).unwrap_or(command));
        } else if has("channel") && is_access_refusal(text) {
            self.channels.insert(target.to_owned());
        } else if is_access_refusal(text) {
            self.add_key(target);
        } else if has("WRONGTYPE") {
            self.mistyped.insert(target.to_owned());
        } else if has("nknown command") || has("nknown Redis command") || has("nknown subcommand") {
            self.unknown.insert(command);
        } else if has("OOM ") {
            self.out_of_memory = true;
        } else {
            self.others.add(of_refusal(text));
        }
    }

    /// Adds a key that may not be read or written.
    pub(super) fn add_key(&mut self, key: &str) {
        let own = key.starts_with(&format!("{{{}}}:", names::VALUES));
        self.keys.insert(if own { format!("{{{}}}:*", names::VALUES) } else { key.to_owned() });
    }

    pub(super) fn add(&mut self, fault: BoardFault) {
        self.others.add(fault);
    }

    /// True if more than permissions is missing, so that further requests would fail or wait as well.
    pub(super) fn nothing_works(&self) -> bool {
        !self.others.is_ok()
    }

    /// Returns the result of the check. `capacity` is the memory of Redis in bytes.
    pub(super) fn into_health(self, capacity: Option<u64>, warnings: Vec<String>) -> BoardHealth {
        let mut health = BoardHealth { warnings, ..self.others };
        let grant = |names: &BTreeSet<String>, prefix: &str| {
            names.iter().map(|name| format!("{prefix}{name}")).collect::<Vec<_>>().join(" ")
        };
        let list = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
        for (names, what, verb, prefix) in [
            (&self.commands, "run", "command", "+"),
            (&self.keys, "read and write", "key", "~"),
            (&self.channels, "use", "channel", "&"),
        ] {
            if !names.is_empty() {
                let s = if names.len() > 1 { "s" } else { "" };
                health.add(BoardFault::refused(format!(
                    "The Redis user may not {what} the {verb}{s} {}: grant {}.",
                    list(names),
                    grant(names, prefix)
                )));
            }
        }
        if !self.mistyped.is_empty() {
            health.add(BoardFault::refused(format!(
                "The Redis key {} has another type than fibstack's: delete it, or use a Redis of your own.",
                list(&self.mistyped)
            )));
        }
        if !self.unknown.is_empty() {
            health.add(BoardFault::refused(format!(
                "Redis does not know {}: use Redis 6 or later, and do not rename commands.",
                list(&self.unknown)
            )));
        }
        if self.out_of_memory {
            let limit = capacity.map(|bytes| format!(" of {bytes} bytes")).unwrap_or_default();
            health.add(BoardFault::refused(format!(
                "Redis has used up its memory{limit}, and no results are left to evict: raise maxmemory."
            )));
        }
        health
    }
}

/// True if Redis refused access to a key or channel, given that the command itself is allowed.
fn is_access_refusal(text: &str) -> bool {
    ["NOPERM", "executing the script", "ACL failure"].iter().any(|part| text.contains(part))
}

/// The command that a refusal names.
fn denied_command(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("run the '")?;
    let (command, _) = rest.split_once('\'')?;
    Some(command.to_lowercase())
}

/// The causes of an error of the Board.
fn causes(error: &BoardError) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let first: Option<&(dyn Error + 'static)> = match error {
        BoardError::Unavailable(cause) | BoardError::Full(cause) => Some(&**cause),
        _ => None,
    };
    successors(first, |error| (*error).source())
}

/// The client library's error, if that is the cause.
pub(super) fn redis_error(error: &BoardError) -> Option<&RedisError> {
    causes(error).find_map(|error| match error.downcast_ref::<PoolError>() {
        Some(PoolError::Backend(error)) => Some(error),
        _ => error.downcast_ref(),
    })
}

/// Fault for a refusal that is not about permissions, given Redis's error message.
fn of_refusal(text: &str) -> BoardFault {
    let reason = [
        ("READONLY", "Redis is a read-only replica: REDIS_HOST must name the primary."),
        (
            "NOREPLICAS",
            "Redis refuses writes because too few replicas are connected: start its replicas, or lower \
             min-replicas-to-write.",
        ),
        (
            "MISCONF",
            "Redis refuses writes because it failed to save its data to disk: see its log, or set \
             stop-writes-on-bgsave-error to no.",
        ),
        ("LOADING", "Redis is loading its data from disk; it will respond when that is done."),
        ("CLUSTERDOWN", "The Redis cluster is down: not all of its slots are served."),
        ("MOVED", "Another node of the Redis cluster has the key values: REDIS_HOST must name that node."),
        ("ASK", "The Redis cluster is moving the key values to another node."),
        ("MASTERDOWN", "Redis is a replica without a connection to its primary."),
        ("NOAUTH", "Redis requires a password: set REDIS_PASSWORD."),
        ("WRONGPASS", WRONG_PASSWORD),
        ("invalid password", WRONG_PASSWORD),
        ("max number of clients", "Redis has reached its maximum number of connections: raise maxclients."),
        ("BUSY", "Redis is busy with a slow script."),
        ("DENIED", "Redis accepts only local connections: it is in protected mode."),
        ("non deterministic", "This Redis is too old: use Redis 6 or later."),
    ]
    .into_iter()
    .find_map(|(part, reason)| text.contains(part).then_some(reason));
    match reason {
        Some(reason) => BoardFault::refused(reason),
        // Only the code: the rest may contain anything.
        None => BoardFault::refused(format!(
            "Redis refused a command: {}.",
            text.split_whitespace().next().unwrap_or("ERR")
        )),
    }
}

const WRONG_PASSWORD: &str =
    "Redis rejected the user name or password: correct REDIS_USERNAME and REDIS_PASSWORD.";

/// Fault for an error without a reply.
fn of_connection(error: &BoardError) -> BoardFault {
    if let Some(rejected) = causes(error).find_map(|cause| cause.downcast_ref::<RedisCertificateRejected>()) {
        return BoardFault::unreachable(format!("TLS with Redis failed: {rejected}"));
    }
    let Some(error) = redis_error(error) else {
        return match error {
            BoardError::UnexpectedReply(_) => BoardFault::refused("Redis sent an unexpected reply."),
            _ => BoardFault::no_reply("Redis did not respond in time."),
        };
    };
    let text = error.to_string();
    if error.is_timeout() {
        return BoardFault::no_reply("Redis did not respond in time.");
    }
    tracing::debug!(error = text, "connection to Redis failed");
    if text.to_lowercase().contains("authentication") || text.contains("WRONGPASS") {
        return BoardFault::refused(WRONG_PASSWORD);
    }
    let lower = text.to_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
    BoardFault::unreachable(if has(&["certificaterequired", "certificate required"]) {
        "Redis requires a certificate of its clients, which fibstack does not have: set tls-auth-clients to no."
    } else if has(&["certificate", "tls", "corrupt message", "handshake"]) {
        "TLS with Redis failed: check REDIS_TLS_CA_FILE, and that Redis accepts TLS at REDIS_PORT."
    } else if has(&["resolve", "lookup", "no address"]) {
        "REDIS_HOST cannot be resolved."
    } else if error.is_connection_refusal() {
        "Nothing accepts connections at REDIS_HOST and REDIS_PORT: start Redis, or correct them."
    } else {
        "Redis closed the connection. If it accepts only TLS, set REDIS_TLS=true; if too many clients are connected, raise \
         maxclients."
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(refusals: &[(&str, &str, &str)]) -> Vec<String> {
        let mut findings = Findings::default();
        for (command, target, text) in refusals {
            findings.add_refusal(command, target, text);
        }
        findings.into_health(Some(6_291_456), Vec::new()).reasons()
    }

    #[test]
    fn refusals_of_every_version_name_what_to_grant() {
        let command = "The Redis user may not run the command hset: grant +hset.";
        let key = "The Redis user may not read and write the key values: grant ~values.";
        let channel = "The Redis user may not use the channel events: grant &events.";
        for (target, text, expected) in [
            // Redis 6 and 7.0, directly and in a script.
            ("values", "NOPERM this user has no permissions to run the 'hset' command", command),
            ("values", "ERR The user executing the script can't run this command or subcommand", command),
            (
                "values",
                "NOPERM this user has no permissions to access one of the keys used as arguments",
                key,
            ),
            (
                "values",
                "ERR The user executing the script can't access at least one of the keys mentioned in the \
                 command arguments",
                key,
            ),
            (
                "events",
                "NOPERM this user has no permissions to access one of the channels used as arguments",
                channel,
            ),
            (
                "events",
                "ERR The user executing the script can't publish to the channel mentioned in the command",
                channel,
            ),
            // Since 7.2, here with a misleading user name.
            ("values", "NOPERM User key_channel has no permissions to run the 'hset' command", command),
            (
                "values",
                "NOPERM ACL failure in script: User me has no permissions to run the 'hset' command",
                command,
            ),
            ("values", "NOPERM User me has no permissions to access the 'values' key", key),
            ("events", "NOPERM User me has no permissions to access the 'events' channel", channel),
        ] {
            assert_eq!(reasons(&[("HSET", target, text)]), [expected], "{text}");
        }
    }

    #[test]
    fn refusals_with_the_same_cause_become_one_fault() {
        let refused = "NOPERM this user has no permissions to run the 'x' command".replace('x', "%");
        let commands = ["hset", "zadd"].map(|command| refused.replace('%', command));
        assert_eq!(
            reasons(&[("ZADD", "a", &commands[1]), ("HSET", "b", &commands[0]), ("HSET", "c", &commands[0])]),
            ["The Redis user may not run the commands hset, zadd: grant +hset +zadd."]
        );
        let readonly = "READONLY You can't write against a read only replica.";
        assert_eq!(reasons(&[("HSET", "a", readonly), ("ZADD", "b", readonly)]).len(), 1);
    }

    #[test]
    fn refusals_that_only_real_clusters_send_are_named() {
        for (text, part) in [
            ("LOADING Redis is loading the dataset in memory", "loading its data"),
            ("MOVED 15000 10.0.0.7:6379", "REDIS_HOST must name that node"),
            (
                "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
                "its primary",
            ),
            ("BUSY Redis is busy running a script.", "slow script"),
            ("DENIED Redis is running in protected mode", "protected mode"),
        ] {
            let reasons = reasons(&[("ZCARD", "values", text)]);
            assert!(matches!(&reasons[..], [reason] if reason.contains(part)), "{text}: {reasons:?}");
            assert!(!reasons[0].contains("10.0.0.7"), "{reasons:?}");
        }
    }

    #[test]
    fn an_unknown_refusal_is_named_by_its_code_only() {
        assert_eq!(reasons(&[("HSET", "a", "STRANGE secret-host:1")]), ["Redis refused a command: STRANGE."]);
    }
}
