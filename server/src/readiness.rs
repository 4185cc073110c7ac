//! Do the parts behind the server answer?

use std::{future::Future, time::Duration};

use store::Store;
use tokio::time::timeout;

/// A part that has not answered by then is down.
const DEADLINE: Duration = Duration::from_secs(2);

/// How Record and Board stand: `up`, `down` or `no answer`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Readiness {
    pub(crate) record: &'static str,
    pub(crate) board: &'static str,
}

impl Readiness {
    /// Asks both.
    pub(crate) async fn of(store: &Store) -> Self {
        let (record, board) = tokio::join!(state(store.record().check()), state(store.board().check()));
        Self { record, board }
    }

    /// Whether both answer.
    pub(crate) fn is_ready(self) -> bool {
        (self.record, self.board) == ("up", "up")
    }
}

// What exactly is wrong is for the log: an error may name hosts and users.
async fn state<E: std::fmt::Display>(check: impl Future<Output = Result<(), E>>) -> &'static str {
    match timeout(DEADLINE, check).await {
        Ok(Ok(())) => "up",
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready");
            "down"
        }
        Err(_) => "no answer",
    }
}

/// Logs once per `interval` how this server stands. Metrics are made of these lines where nobody scrapes them.
pub(crate) async fn report(store: &Store, interval: Duration) {
    loop {
        tokio::time::sleep(interval).await;
        let (readiness, length) =
            tokio::join!(Readiness::of(store), timeout(DEADLINE, store.board().pending_len()));
        let pending_list_length = length.ok().and_then(Result::ok);
        // A field without a value is left out.
        tracing::info!(ready = readiness.is_ready(), pending_list_length, "state");
    }
}
