//! A computation on its blocking thread, with its lease kept meanwhile.

use std::{
    any::Any,
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use protocol::Index;
use store::Lease;
use tokio::{
    task::{JoinError, JoinHandle, spawn_blocking},
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{JobError, Worker};

/// How often progress is passed on at most: four times a second is what people see as live.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);
/// What counts as progress worth a message.
const PROGRESS_STEP: f64 = 0.001;
/// How long a computation may take to notice that it shall stop.
const BREAK_WITHIN: Duration = Duration::from_secs(3);

/// How a computation ended.
pub(crate) enum End {
    Value { value: String, computed_us: u64 },
    Failed(String),
    Lost,
    Stopped,
}

/// What a computation and its lane tell each other.
#[derive(Default)]
struct Shared {
    /// The share done, as the bits of an `f64`: there is no atomic one.
    progress: AtomicU64,
    halt: AtomicBool,
}

impl Shared {
    fn report(&self, progress: f64) -> ControlFlow<()> {
        self.progress.store(progress.to_bits(), Ordering::Relaxed);
        if self.halt.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn progress(&self) -> f64 {
        f64::from_bits(self.progress.load(Ordering::Relaxed))
    }
}

type Computation = JoinHandle<(Result<String, JobError>, u64)>;

/// Computes on a blocking thread, and keeps the lease meanwhile.
pub(crate) async fn compute(worker: &Worker, lease: &Lease, stop: &CancellationToken) -> End {
    let shared = Arc::new(Shared::default());
    let mut computation = start(worker, lease.index, &shared);
    let end = tokio::select! {
        ended = &mut computation => return settled(ended),
        () = keep(worker, lease, &shared) => End::Lost,
        () = stop.cancelled() => End::Stopped,
    };
    shared.halt.store(true, Ordering::Relaxed);
    match &end {
        // It may have finished in this very moment; then the number is better than another round.
        End::Stopped => match timeout(BREAK_WITHIN, computation).await {
            Ok(Ok((Ok(value), computed_us))) => End::Value { value, computed_us },
            _ => end,
        },
        // The lane waits for the thread to be free, so that no more run at once than are allowed. It
        // can't wait for ever: a job that does not listen dies with the process.
        _ => match stop.run_until_cancelled(computation).await {
            Some(Ok((Ok(value), computed_us))) => End::Value { value, computed_us },
            _ => end,
        },
    }
}

fn start(worker: &Worker, index: Index, shared: &Arc<Shared>) -> Computation {
    let (job, shared) = (Arc::clone(&worker.job), Arc::clone(shared));
    spawn_blocking(move || {
        let result = job.compute(index, &mut |progress| shared.report(progress));
        (result, store::now_us())
    })
}

fn settled(ended: Result<(Result<String, JobError>, u64), JoinError>) -> End {
    match ended {
        Ok((Ok(value), computed_us)) => End::Value { value, computed_us },
        Ok((Err(error), _)) => End::Failed(error.to_string()),
        Err(error) => End::Failed(match error.try_into_panic() {
            Ok(panic) => format!("The computation panicked: {}", panic_message(&*panic)),
            Err(error) => format!("The computation ended: {error}"),
        }),
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}

/// Renews the lease at a third of it, more often when there is progress to tell. Returns when it is
/// lost. A Board that does not answer is no loss: the result will be welcome whoever holds the lease.
async fn keep(worker: &Worker, lease: &Lease, shared: &Shared) {
    let duration = worker.settings.lease();
    let renew_every = duration / 3;
    let mut ticks = interval(PROGRESS_EVERY.min(renew_every));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is at once, and so short after the claim there is nothing to tell.
    ticks.tick().await;
    let (mut told, mut renewed) = (0.0, Instant::now());
    loop {
        ticks.tick().await;
        let progress = shared.progress();
        // A tick early is better than a tick late.
        let due = renewed.elapsed() + ticks.period() > renew_every;
        if !due && progress - told < PROGRESS_STEP {
            continue;
        }
        let answer = worker.board.renew(lease, duration, progress).await;
        worker.heard_from_board(&answer);
        match answer {
            Ok(true) => (told, renewed) = (progress, Instant::now()),
            Ok(false) => return,
            Err(_) => {}
        }
    }
}
