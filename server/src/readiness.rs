//! Readiness: checks that the Record and the Board can do everything the work needs.

use std::{future::Future, time::Duration};

use serde::Serialize;
use store::{RecordError, Store};
use tokio::time::timeout;
use utoipa::ToSchema;

/// Time limit for a part to respond.
const DEADLINE: Duration = Duration::from_secs(2);

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
    /// Checks the Record and the Board.
    pub(crate) async fn of(store: &Store) -> Self {
        let record = async {
            let mut reason = None;
            let check = store.record().check();
            let check =
                async { check.await.inspect_err(|error: &RecordError| reason = Some(error.summary())) };
            (state(check).await, reason)
        };
        let ((record, record_reason), health) = tokio::join!(record, store.board_monitor().health());
        let board = match (health.is_ok(), health.no_reply()) {
            (true, _) => PartState::Up,
            (false, false) => PartState::Down,
            (false, true) => PartState::NoAnswer,
        };
        let (board_reasons, board_warnings) = (health.reasons(), health.warnings);
        Self { record, record_reason, board, board_reasons, board_warnings }
    }

    /// Returns true if both are up.
    pub(crate) fn is_ready(&self) -> bool {
        (self.record, self.board) == (PartState::Up, PartState::Up)
    }
}

// The error is only logged, because it may name hosts and users.
async fn state<E: std::fmt::Display>(check: impl Future<Output = Result<(), E>>) -> PartState {
    match timeout(DEADLINE, check).await {
        Ok(Ok(())) => PartState::Up,
        Ok(Err(error)) => {
            tracing::warn!(%error, "readiness check failed");
            PartState::Down
        }
        Err(_) => {
            tracing::warn!("readiness check failed: the database did not respond within {DEADLINE:?}");
            PartState::NoAnswer
        }
    }
}

/// Logs this server's state once per `interval`.
pub(crate) async fn report(store: &Store, interval: Duration) {
    loop {
        tokio::time::sleep(interval).await;
        let (readiness, length) =
            tokio::join!(Readiness::of(store), timeout(DEADLINE, store.board().pending_len()));
        let pending_list_length = length.ok().and_then(Result::ok);
        // `tracing` leaves out a field without a value.
        tracing::info!(ready = readiness.is_ready(), pending_list_length, "{STATE_MESSAGE}");
    }
}
