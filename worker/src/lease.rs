//! Renewal of leases.

use std::time::Duration;

use store::Lease;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::{Worker, computation::Shared};

/// Shortest interval between progress reports: four per second look live.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);
/// The smallest progress that is reported.
const PROGRESS_STEP: f64 = 0.001;

/// Renews the lease whenever a third of it has passed, or earlier to report progress. Returns when the
/// lease is lost. An outage of the Board does not count as a loss, since a result is accepted from any
/// worker.
pub(crate) async fn renew_until_lost(worker: &Worker, lease: &Lease, shared: &Shared) {
    let duration = worker.settings.lease();
    let renewal_interval = duration / 3;
    let mut ticks = interval(PROGRESS_INTERVAL.min(renewal_interval));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick completes at once, when there is nothing to report yet.
    ticks.tick().await;
    let (mut reported, mut renewed) = (0.0, Instant::now());
    loop {
        ticks.tick().await;
        let progress = shared.progress();
        // Renewing one tick early is better than one tick late.
        let due = renewed.elapsed() + ticks.period() > renewal_interval;
        if !due && progress - reported < PROGRESS_STEP {
            continue;
        }
        let renewal = worker.board.renew(lease, duration, progress).await;
        worker.track_board(&renewal).await;
        match renewal {
            Ok(true) => (reported, renewed) = (progress, Instant::now()),
            Ok(false) => return,
            Err(_) => {}
        }
    }
}
