//! A computation on a blocking thread, while its lease is renewed.

use std::{
    any::Any,
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use job::JobError;
use protocol::Index;
use store::Lease;
use tokio::{
    task::{JoinError, JoinHandle, spawn_blocking},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{Worker, lease::renew_until_lost};

/// Time limit for a computation to stop after it was asked to.
const STOP_DEADLINE: Duration = Duration::from_secs(3);

/// Outcome of a computation.
pub(crate) enum End {
    Value { value: String, computed_us: u64 },
    Failed(String),
    Impossible(String),
    LeaseLost,
    Stopped,
}

/// State shared between a computation and its lane.
#[derive(Default)]
pub(crate) struct Shared {
    /// The share done, as the bits of an `f64`: there is no atomic one.
    progress: AtomicU64,
    halt: AtomicBool,
}

impl Shared {
    fn report(&self, progress: f64) -> ControlFlow<()> {
        self.progress.store(progress.to_bits(), Ordering::Relaxed);
        if self.halt.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    pub(crate) fn progress(&self) -> f64 {
        f64::from_bits(self.progress.load(Ordering::Relaxed))
    }
}

type Computation = JoinHandle<(Result<String, JobError>, u64)>;

/// Computes on a blocking thread and renews the lease until the computation ends.
pub(crate) async fn compute(worker: &Worker, lease: &Lease, stop: &CancellationToken) -> End {
    let shared = Arc::new(Shared::default());
    let mut computation = start(worker, lease.index, &shared);
    let end = tokio::select! {
        ended = &mut computation => return settled(ended),
        () = renew_until_lost(worker, lease, &shared) => End::LeaseLost,
        () = stop.cancelled() => End::Stopped,
    };
    shared.halt.store(true, Ordering::Relaxed);
    match &end {
        // It may have finished at this very moment; posting its value saves another attempt.
        End::Stopped => match timeout(STOP_DEADLINE, computation).await {
            Ok(Ok((Ok(value), computed_us))) => End::Value { value, computed_us },
            _ => end,
        },
        // The lane waits for its thread, so that CONCURRENCY is never exceeded. It must not wait for
        // ever: a computation that ignores the stop ends with the process.
        _ => match stop.run_until_cancelled(computation).await {
            Some(Ok((Ok(value), computed_us))) => End::Value { value, computed_us },
            _ => end,
        },
    }
}

fn start(worker: &Worker, index: Index, shared: &Arc<Shared>) -> Computation {
    let (compute, shared) = (Arc::clone(&worker.compute), Arc::clone(shared));
    spawn_blocking(move || {
        let result = compute(index.get(), &mut |progress| shared.report(progress));
        (result, store::now_us())
    })
}

fn settled(ended: Result<(Result<String, JobError>, u64), JoinError>) -> End {
    match ended {
        Ok((Ok(value), computed_us)) => End::Value { value, computed_us },
        Ok((Err(JobError::Impossible(reason)), _)) => End::Impossible(reason),
        Ok((Err(error), _)) => End::Failed(error.to_string()),
        Err(error) => End::Failed(match error.try_into_panic() {
            Ok(panic) => format!("The computation panicked: {}", panic_message(&*panic)),
            Err(error) => format!("The computation ended: {error}"),
        }),
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}
