//! Posting of a result.

use std::time::Duration;

use store::{FinishOutcome, Lease};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::{Worker, attempt::retry_until_stopped};

/// Time after which a result that the Board refuses is dropped, so that the lane can compute others.
const REFUSED_DEADLINE: Duration = Duration::from_secs(5);
/// Longest interval between renewals while the result cannot be posted.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(2);
/// Wait before an index is computed again whose result was refused.
const RETRY_AFTER: Duration = Duration::from_secs(15);

/// Outcome of posting a result.
pub(crate) enum Posted {
    Yes,
    /// The result never fits into the Board's memory, which has `capacity` bytes.
    TooLarge {
        capacity: u64,
    },
    /// The Board refused the result for now; the index is due again later.
    No,
}

/// Posts a result. A short outage of the Board must not cost the result, so this retries until a stop
/// was requested. If the Board responds but refuses the result, because its memory is full or larger
/// messages do not get through, the claim is released: the attempt does not count, since it did not fail.
pub(crate) async fn post(
    worker: &Worker,
    lease: &Lease,
    value: &str,
    computed_us: u64,
    stop: &CancellationToken,
) -> Posted {
    let finish = || worker.board.finish(lease, value, computed_us);
    let index = lease.index;
    tokio::select! {
        reply = retry_until_stopped(worker, stop, finish) => match reply {
            Some(FinishOutcome::First | FinishOutcome::Duplicate) => return Posted::Yes,
            Some(FinishOutcome::TooLarge { capacity }) => return Posted::TooLarge { capacity },
            None => {
                tracing::warn!(%index, "stopped before posting the result; it will be recomputed");
                return Posted::No;
            }
        },
        () = keep_lease_while_refused(worker, lease) => {}
    }
    let released = retry_until_stopped(worker, stop, || worker.board.release(lease, RETRY_AFTER)).await;
    tracing::warn!(
        %index, bytes = value.len(), released = released.is_some(), retry_after_s = RETRY_AFTER.as_secs(),
        "the board refuses the result; it will be recomputed"
    );
    Posted::No
}

/// Renews the lease, so that no other worker starts on the index, and returns once the Board has responded
/// to renewals, but not taken the result, for a while.
async fn keep_lease_while_refused(worker: &Worker, lease: &Lease) {
    let mut responding_since = Instant::now();
    loop {
        sleep((worker.settings.lease() / 3).min(RENEWAL_INTERVAL)).await;
        match worker.board.renew(lease, worker.settings.lease(), 1.0).await {
            // If the lease is lost, the worker that holds it gets the same result.
            Ok(_) if responding_since.elapsed() > REFUSED_DEADLINE => return,
            Ok(_) => {}
            Err(_) => responding_since = Instant::now(),
        }
    }
}
