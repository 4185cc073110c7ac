//! Readiness: checks that the Record and the Board can do everything the work needs.

use std::{
    collections::BTreeSet,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Serialize;
use store::Store;
use tokio::time::timeout;
use utoipa::ToSchema;

/// Time limit for a part to respond.
const DEADLINE: Duration = Duration::from_secs(2);

/// Maximum number of causes that are logged during one outage.
const MAX_LOGGED: usize = 10;

/// Message of the periodic log line. On AWS, alarms use metrics derived from these lines: the metric filters in
/// deploy/fargate/server.yaml match this text, so change both together.
const STATE_MESSAGE: &str = "server state";

/// State of one part.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PartState {
    Up,
    Down,
    #[serde(rename = "no answer")]
    NoAnswer,
}

/// State of the Record and the Board.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Readiness {
    pub(crate) record: PartState,
    /// Description of what is wrong with the Record, safe to show to anyone.
    pub(crate) record_reason: Option<&'static str>,
    pub(crate) board: PartState,
    /// Descriptions of what the Board lacks, safe to show to anyone.
    pub(crate) board_reasons: Vec<String>,
    /// Settings of the Board that do not keep it from working, but may cost time or data.
    pub(crate) board_warnings: Vec<String>,
}

impl Readiness {
    /// Returns true if both are up.
    pub(crate) fn is_ready(&self) -> bool {
        (self.record, self.board) == (PartState::Up, PartState::Up)
    }
}

/// Checks the Record and the Board of one server. Logs each cause of an outage of the Record once, and its end, however
/// often readiness is checked; the Board has its own monitor.
pub(crate) struct Monitor {
    store: Arc<Store>,
    /// Causes logged since the Record's outage began; empty if there is none.
    logged: Mutex<BTreeSet<String>>,
}

impl Monitor {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self { store, logged: Mutex::default() }
    }

    /// Checks the Record and the Board.
    pub(crate) async fn readiness(&self) -> Readiness {
        let ((record, record_reason), health) =
            tokio::join!(self.record(), self.store.board_monitor().health());
        let board = match (health.is_ok(), health.no_reply()) {
            (true, _) => PartState::Up,
            (false, false) => PartState::Down,
            (false, true) => PartState::NoAnswer,
        };
        let (board_reasons, board_warnings) = (health.reasons(), health.warnings);
        Readiness { record, record_reason, board, board_reasons, board_warnings }
    }

    // The error is only logged, because it may name hosts and users.
    async fn record(&self) -> (PartState, Option<&'static str>) {
        match timeout(DEADLINE, self.store.record().check()).await {
            Ok(Ok(())) => {
                if !mem::take(&mut *self.logged()).is_empty() {
                    tracing::info!("database is working again");
                }
                (PartState::Up, None)
            }
            Ok(Err(error)) => {
                self.log_once(error.to_string());
                (PartState::Down, Some(error.summary()))
            }
            Err(_) => {
                self.log_once(format!("the database did not respond within {DEADLINE:?}"));
                (PartState::NoAnswer, Some("it did not respond in time"))
            }
        }
    }

    fn log_once(&self, error: String) {
        let mut logged = self.logged();
        if logged.len() < MAX_LOGGED && !logged.contains(&error) {
            tracing::warn!(%error, "readiness check failed");
            logged.insert(error);
        }
    }

    fn logged(&self) -> MutexGuard<'_, BTreeSet<String>> {
        // Locked for a single step, never across an await.
        self.logged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Logs this server's state once per `interval`.
    pub(crate) async fn report(&self, interval: Duration) {
        loop {
            tokio::time::sleep(interval).await;
            let (readiness, length) =
                tokio::join!(self.readiness(), timeout(DEADLINE, self.store.board().pending_len()));
            let pending_list_length = length.ok().and_then(Result::ok);
            // `tracing` leaves out a field without a value.
            tracing::info!(ready = readiness.is_ready(), pending_list_length, "{STATE_MESSAGE}");
        }
    }
}
