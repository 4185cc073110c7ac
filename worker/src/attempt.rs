//! One attempt: from a claim to the report of its outcome.

use std::{future::Future, time::Duration};

use protocol::Index;
use store::{Backoff, BoardError, Claim, FailOutcome};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    Worker,
    computation::{End, compute},
    post::{Posted, post},
};

/// Time during which the worker keeps trying to report an attempt after a stop was requested.
const REPORT_DEADLINE: Duration = Duration::from_secs(3);

/// Result of a worker's step.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// Nothing was due.
    Idle,
    /// The result was posted.
    Done(Index),
    /// The attempt failed.
    Failed {
        /// The index.
        index: Index,
        /// Reason it failed.
        reason: String,
        /// The Board's decision about the index; `None` if it could not be reached.
        outcome: Option<FailOutcome>,
    },
    /// The claim was released, because the worker is stopping.
    Released(Index),
    /// The lease was lost, so the computation was stopped.
    LeaseLost(Index),
    /// The result could not be posted before the worker stopped, or the Board has no room for it at the
    /// moment. The index will be computed again; the attempt does not count.
    Unposted(Index),
}

/// Computes a claimed index and reports the outcome to the Board.
pub(crate) async fn run_attempt(worker: &Worker, claim: Claim, stop: &CancellationToken) -> Step {
    let lease = &claim.lease;
    let index = lease.index;
    if let Err(error) = worker.settings.index_range.check(index) {
        return fail(worker, &claim, error.to_string(), true, stop).await;
    }
    tracing::debug!(%index, attempt = claim.attempt, "computing");
    match compute(worker, lease, stop).await {
        End::Value { value, computed_us } => match post(worker, lease, &value, computed_us, stop).await {
            Posted::Yes => {
                worker.send_spans(&claim, computed_us, Ok(()));
                tracing::info!(%index, digits = value.chars().count(), attempt = claim.attempt, "result posted");
                Step::Done(index)
            }
            Posted::TooLarge { capacity } => {
                let reason = format!(
                    "The value has {} bytes, too many for Redis's memory of {capacity} bytes (maxmemory).",
                    value.len()
                );
                fail(worker, &claim, reason, true, stop).await
            }
            Posted::No => Step::Unposted(index),
        },
        End::Failed(reason) => fail(worker, &claim, reason, false, stop).await,
        End::Impossible(reason) => fail(worker, &claim, reason, true, stop).await,
        End::LeaseLost => {
            tracing::warn!(%index, "lease lost; computation stopped");
            Step::LeaseLost(index)
        }
        End::Stopped => {
            let release = || worker.board.release(lease, Duration::ZERO);
            if retry_until_stopped(worker, stop, release).await.is_some() {
                tracing::info!(%index, "claim released");
            } else {
                tracing::warn!(%index, "failed to release the claim; its lease will expire");
            }
            Step::Released(index)
        }
    }
}

async fn fail(
    worker: &Worker,
    claim: &Claim,
    reason: String,
    permanent: bool,
    stop: &CancellationToken,
) -> Step {
    let lease = &claim.lease;
    worker.send_spans(claim, store::now_us(), Err(&reason));
    let outcome = retry_until_stopped(worker, stop, || worker.board.fail(lease, &reason, permanent)).await;
    tracing::warn!(index = %lease.index, %reason, ?outcome, "attempt failed");
    Step::Failed { index: lease.index, reason, outcome }
}

/// Calls the Board until it responds, or until a stop was requested and [`REPORT_DEADLINE`] has passed.
pub(crate) async fn retry_until_stopped<T, F: Future<Output = Result<T, BoardError>>>(
    worker: &Worker,
    stop: &CancellationToken,
    call: impl Fn() -> F,
) -> Option<T> {
    let reply = async {
        let (mut backoff, never) = (Backoff::default(), CancellationToken::new());
        loop {
            let reply = call().await;
            worker.track_board(&reply).await;
            match reply {
                Ok(reply) => return reply,
                Err(_) => backoff.wait(&never).await,
            }
        }
    };
    tokio::select! {
        reply = reply => Some(reply),
        () = async { stop.cancelled().await; sleep(REPORT_DEADLINE).await } => None,
    }
}
