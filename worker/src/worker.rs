//! The worker as a whole.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::future::{join, join_all};
use protocol::WorkerId;
use store::{Board, BoardError, Claim, SpanSink, spans};
use tokio::{sync::Notify, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::{Job, Step, WorkerSettings, health::Signs, unique_id};

/// How long a stop waits for the running computations to be given back. Docker kills after 10 s.
const GRACE: Duration = Duration::from_secs(8);

/// Claims indexes from a Board, computes them, and posts the results.
pub struct Worker {
    pub(crate) id: WorkerId,
    pub(crate) board: Arc<dyn Board>,
    pub(crate) job: Arc<dyn Job>,
    pub(crate) settings: WorkerSettings,
    /// There may be something to claim. One permit is enough: whoever claims hands it on.
    pub(crate) wake: Notify,
    /// Did the Board answer the last time? Losing it and finding it again are logged once each.
    board_answers: AtomicBool,
    pub(crate) signs: Signs,
    spans: Option<SpanSink>,
}

impl Worker {
    /// Puts the parts together, under a name of its own. Nothing runs until [`Worker::run`] does.
    pub fn new(board: Arc<dyn Board>, job: Arc<dyn Job>, settings: WorkerSettings) -> Self {
        Self {
            id: unique_id(),
            board,
            job,
            settings,
            wake: Notify::new(),
            board_answers: AtomicBool::new(true),
            signs: Signs::new(),
            spans: None,
        }
    }

    /// With somebody who is told of each attempt, if anybody is.
    #[must_use]
    pub fn with_spans(self, spans: Option<SpanSink>) -> Self {
        Self { spans, ..self }
    }

    /// The name of this worker.
    #[must_use]
    pub fn id(&self) -> &WorkerId {
        &self.id
    }

    /// Claims one index, if one is due, computes it and posts the result. Says what it did, so that
    /// tests drain the list with no waiting.
    ///
    /// # Errors
    /// The Board did not answer.
    pub async fn step(&self) -> Result<Step, BoardError> {
        self.step_until(&CancellationToken::new()).await
    }

    /// Works until stopped, across losses of the Board. Then gives running claims back and returns.
    pub async fn run(&self, stop: CancellationToken) {
        tracing::info!(
            worker = %self.id,
            concurrency = self.settings.concurrency,
            lease_ms = self.settings.lease_ms,
            max_index = %self.settings.max_index,
            "worker started"
        );
        // All in this one task: whoever owns it owns the whole worker, and the computations have
        // threads of their own.
        let lanes = join_all((0..self.settings.concurrency).map(|_| self.lane(&stop)));
        let working = join(lanes, self.listen(&stop));
        tokio::select! {
            _ = working => tracing::info!(worker = %self.id, "worker stopped"),
            () = async { stop.cancelled().await; sleep(GRACE).await } => {
                tracing::warn!(worker = %self.id, "stopped with claims held: their leases will run out");
            }
        }
    }

    /// Tells of an attempt that ended with a result, posted now, or with the reason why there is none.
    pub(crate) fn tell(&self, claim: &Claim, computed_us: u64, outcome: Result<(), &str>) {
        if let Some(tell) = &self.spans {
            let posted_us = outcome.map(|()| store::now_us());
            spans::of_attempt(claim, computed_us, posted_us).into_iter().for_each(&**tell);
        }
    }

    /// Takes note of how the Board answered; logs when that changes.
    pub(crate) fn heard_from_board<T>(&self, answer: &Result<T, BoardError>) {
        if answer.is_ok() {
            self.signs.board_answered();
        }
        let before = self.board_answers.swap(answer.is_ok(), Ordering::Relaxed);
        match answer {
            Ok(_) if !before => tracing::info!("the board answers"),
            Err(error) if before => {
                tracing::warn!(%error, "the board does not answer: trying again until it does");
            }
            _ => {}
        }
    }
}
