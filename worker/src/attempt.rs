//! One attempt: a claim, from the computation to the last word on how it went.

use std::{future::Future, time::Duration};

use protocol::Index;
use store::{Backoff, BoardError, Claim, FailOutcome};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    Worker,
    computation::{End, compute},
};

/// How long the last word on an attempt is still tried for after a stop.
const LAST_WORD_WITHIN: Duration = Duration::from_secs(3);

/// What a worker's step did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// Nothing was due.
    Idle,
    /// The result is posted.
    Done(Index),
    /// The attempt failed.
    Failed {
        /// What was to be computed.
        index: Index,
        /// Why it failed.
        reason: String,
        /// What becomes of it; unknown if the Board could not be told.
        outcome: Option<FailOutcome>,
    },
    /// The claim was given back unfinished, since the worker stops.
    GaveBack(Index),
    /// The lease was lost, and the computation stopped.
    Lost(Index),
    /// There is a result, but the worker stopped before the Board took it.
    Unposted(Index),
}

/// Computes what was claimed and tells the Board how it went.
pub(crate) async fn run_attempt(worker: &Worker, claim: Claim, stop: &CancellationToken) -> Step {
    let lease = &claim.lease;
    let index = lease.index;
    if !worker.settings.max_index.allows(index) {
        let reason = protocol::IndexError::too_high(worker.settings.max_index).to_string();
        return fail(worker, &claim, reason, true, stop).await;
    }
    tracing::debug!(%index, attempt = claim.attempt, "computing");
    match compute(worker, lease, stop).await {
        End::Value { value, computed_us } => {
            // The value is not thrown away because Redis is away for a moment.
            let finish = || worker.board.finish(lease, &value, computed_us);
            match insist(worker, stop, finish).await {
                Some(_) => {
                    worker.tell(&claim, computed_us, Ok(()));
                    tracing::info!(%index, digits = value.len(), attempt = claim.attempt, "computed");
                    Step::Done(index)
                }
                None => {
                    tracing::warn!(%index, "stopped before the result could be posted: it will be computed again");
                    Step::Unposted(index)
                }
            }
        }
        End::Failed(reason) => fail(worker, &claim, reason, false, stop).await,
        End::Lost => {
            tracing::warn!(%index, "lost the lease: stopped the computation");
            Step::Lost(index)
        }
        End::Stopped => {
            if insist(worker, stop, || worker.board.release(lease)).await.is_some() {
                tracing::info!(%index, "gave the claim back");
            } else {
                tracing::warn!(%index, "could not give the claim back: its lease will run out");
            }
            Step::GaveBack(index)
        }
    }
}

async fn fail(worker: &Worker, claim: &Claim, reason: String, last: bool, stop: &CancellationToken) -> Step {
    let lease = &claim.lease;
    worker.tell(claim, store::now_us(), Err(&reason));
    let outcome = insist(worker, stop, || worker.board.fail(lease, &reason, last)).await;
    tracing::warn!(index = %lease.index, %reason, ?outcome, "the attempt failed");
    Step::Failed { index: lease.index, reason, outcome }
}

/// Tells the Board until it hears, or for a moment longer than the worker is stopped.
async fn insist<T, F: Future<Output = Result<T, BoardError>>>(
    worker: &Worker,
    stop: &CancellationToken,
    tell: impl Fn() -> F,
) -> Option<T> {
    let told = async {
        let (mut backoff, never) = (Backoff::default(), CancellationToken::new());
        loop {
            let answer = tell().await;
            worker.heard_from_board(&answer);
            match answer {
                Ok(answer) => return answer,
                Err(_) => backoff.wait(&never).await,
            }
        }
    };
    tokio::select! {
        answer = told => Some(answer),
        () = async { stop.cancelled().await; sleep(LAST_WORD_WITHIN).await } => None,
    }
}
