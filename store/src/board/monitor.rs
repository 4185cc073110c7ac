//! Watches the Board for one process, and logs the cause of each outage once.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{Board, BoardError, BoardHealth};

/// Interval at which a Board that lacks something is checked again.
const RECHECK_INTERVAL: Duration = Duration::from_secs(2);

/// Interval at which the same error is logged again while a check finds nothing missing.
const REPEAT_INTERVAL: Duration = Duration::from_secs(60);

/// Watches the Board for one process. All parts of the process report their errors here, so that the
/// cause is logged once when an outage begins, whichever part notices it, and once more when it ends. An outage
/// ends only when a check finds nothing missing, so a partial one does not look like a series of short ones.
pub struct BoardMonitor {
    board: Arc<dyn Board>,
    outage: Mutex<Outage>,
}

#[derive(Default)]
struct Outage {
    /// Causes logged since the outage began; empty if there is no outage.
    logged: BTreeSet<String>,
    /// Current warnings.
    warned: Vec<String>,
    checked: Option<Instant>,
    /// The last error that a check could not explain, and when it was logged.
    passing: Option<(String, Instant)>,
}

impl BoardMonitor {
    /// Watches a Board.
    pub fn new(board: Arc<dyn Board>) -> Self {
        Self { board, outage: Mutex::default() }
    }

    /// Checks the Board, and logs what has changed.
    pub async fn health(&self) -> BoardHealth {
        let health = self.board.check().await;
        self.log(&health);
        health
    }

    /// Handles an error of the Board: finds and logs the cause.
    pub async fn failed(&self, what: &str, error: &BoardError) {
        if self.health().await.is_ok() && self.is_new(format!("{what}: {error}")) {
            tracing::warn!(%error, "{what}");
        } else {
            tracing::debug!(%error, "{what}");
        }
    }

    /// Handles a success: checks whether an outage is over, if there was one.
    pub async fn succeeded(&self) {
        let due = {
            let outage = self.lock();
            !outage.logged.is_empty()
                && outage.checked.is_none_or(|checked| checked.elapsed() > RECHECK_INTERVAL)
        };
        if due {
            self.health().await;
        }
    }

    /// Returns true unless the same message was logged last, not long ago.
    fn is_new(&self, message: String) -> bool {
        let mut outage = self.lock();
        let is_repeated = outage
            .passing
            .as_ref()
            .is_some_and(|(last, logged)| *last == message && logged.elapsed() < REPEAT_INTERVAL);
        if !is_repeated {
            outage.passing = Some((message, Instant::now()));
        }
        !is_repeated
    }

    fn log(&self, health: &BoardHealth) {
        let mut outage = self.lock();
        outage.checked = Some(Instant::now());
        for warning in health.warnings.iter().filter(|warning| !outage.warned.contains(warning)) {
            tracing::warn!("{warning}");
        }
        outage.warned.clone_from(&health.warnings);
        if health.is_ok() {
            if !std::mem::take(&mut outage.logged).is_empty() {
                tracing::info!("board is working again");
            }
            return;
        }
        let reason = health.to_string();
        // An outage shows itself in several ways, such as refused and lost connections.
        let cause = if health.unreachable() { String::new() } else { reason.clone() };
        if outage.logged.insert(cause) {
            if health.unreachable() {
                tracing::warn!(reason, "board not responding; retrying");
            } else {
                tracing::warn!(reason, "board refuses part of the work; retrying");
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Outage> {
        // Locked for a single step, never across an await.
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
