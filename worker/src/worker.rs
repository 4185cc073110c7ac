//! The worker: its parts, and its run from start to shutdown.

use std::{sync::Arc, time::Duration};

use futures::future::{join_all, join3};
use job::{JobError, Progress};
use protocol::WorkerId;
use store::{Board, BoardError, BoardMonitor, Claim, SpanSink, spans};
use tokio::{
    sync::{Notify, watch},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use crate::{Step, WorkerSettings, health::HealthState, unique_id};

/// Time for which a shutdown waits for claims to be released. Docker kills after 10 s.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(8);

/// A computation, shared with the blocking threads.
pub(crate) type Compute = Arc<dyn Fn(u32, Progress<'_>) -> Result<String, JobError> + Send + Sync>;

/// Claims indexes from a Board, computes them and posts the results.
pub struct Worker {
    pub(crate) id: WorkerId,
    pub(crate) board: Arc<dyn Board>,
    pub(crate) compute: Compute,
    pub(crate) settings: WorkerSettings,
    /// Wakes a lane to claim. One permit is enough: each lane that claims wakes the next.
    pub(crate) wake: Notify,
    /// Number of lanes with a long computation.
    pub(crate) long: watch::Sender<u32>,
    pub(crate) board_monitor: BoardMonitor,
    pub(crate) health: HealthState,
    spans: Option<SpanSink>,
}

impl Worker {
    /// Creates a worker with a unique id. Nothing runs until [`Worker::run`] or [`Worker::step`].
    ///
    /// `compute` is the `compute` of a [`job::Job`]; tests pass closures.
    pub fn new(
        board: Arc<dyn Board>,
        compute: impl Fn(u32, Progress<'_>) -> Result<String, JobError> + Send + Sync + 'static,
        settings: WorkerSettings,
    ) -> Self {
        Self {
            id: unique_id(),
            board_monitor: BoardMonitor::new(Arc::clone(&board)),
            board,
            compute: Arc::new(compute),
            settings,
            wake: Notify::new(),
            long: watch::Sender::new(0),
            health: HealthState::new(),
            spans: None,
        }
    }

    /// Adds a receiver for the spans of each attempt.
    #[must_use]
    pub fn with_spans(self, spans: Option<SpanSink>) -> Self {
        Self { spans, ..self }
    }

    /// Returns the id of this worker.
    #[must_use]
    pub fn id(&self) -> &WorkerId {
        &self.id
    }

    /// Claims one index, if one is due, computes it and posts the result. Returns what it did, so that
    /// tests can drain the list without waiting.
    ///
    /// # Errors
    /// The Board did not respond.
    pub async fn step(&self) -> Result<Step, BoardError> {
        self.step_until(&CancellationToken::new()).await
    }

    /// Works until stopped, reconnecting whenever the Board is lost. Releases its claims before it
    /// returns.
    pub async fn run(&self, stop: CancellationToken) {
        tracing::info!(
            worker = %self.id,
            concurrency = self.settings.concurrency,
            lease_ms = self.settings.lease_ms,
            max_index = %self.settings.index_range.highest,
            "worker started"
        );
        // Everything runs in this task, so its owner owns the whole worker. Computations run on
        // blocking threads.
        let lanes = join_all((0..self.settings.concurrency).map(|_| self.lane(&stop)));
        let working = join3(lanes, self.short_lane(&stop), self.listen(&stop));
        tokio::select! {
            _ = working => tracing::info!(worker = %self.id, "worker stopped"),
            () = async { stop.cancelled().await; sleep(SHUTDOWN_DEADLINE).await } => {
                tracing::warn!(worker = %self.id, "worker stopped without releasing its claims; their leases will expire");
            }
        }
    }

    /// Sends the spans of an attempt that ended with a result, posted just now, or with the reason for
    /// its failure.
    pub(crate) fn send_spans(&self, claim: &Claim, computed_us: u64, outcome: Result<(), &str>) {
        if let Some(send) = &self.spans {
            let posted_us = outcome.map(|()| store::now_us());
            spans::of_attempt(claim, computed_us, posted_us).into_iter().for_each(&**send);
        }
    }

    /// Passes a reply of the Board on to the monitor, which logs the beginning and the end of an outage.
    pub(crate) async fn track_board<T>(&self, reply: &Result<T, BoardError>) {
        match reply {
            Ok(_) => self.board_monitor.succeeded().await,
            Err(error) => self.board_monitor.failed("a call to the board failed; retrying", error).await,
        }
    }
}
