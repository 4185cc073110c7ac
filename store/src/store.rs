//! Record and Board together.

use std::{sync::Arc, time::Duration};

use protocol::{Entry, Event, EventKind, IndexRange, Notice};
use tokio::sync::{Notify, SetOnce};

use crate::{
    Board, BoardMonitor, Record, SpanSink,
    feed::Feed,
    reconcile_queue::ReconcileQueue,
    verify::{Verify, VerifyCost},
    versions::Versions,
};

/// Limits of an installation.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The indexes that are computed.
    pub index_range: IndexRange,
    /// Total size in bytes of the whole results that the Board keeps.
    pub result_budget_bytes: u64,
}

/// Record and Board together, with the path of a submission through them.
///
/// ```text
/// submit ─► Record ─► Board ─► (worker) ─► accept_result: verify, record, notify ─► Feed
///              ▲                                │
///              └────────── sweep ◄──────────────┘ restores what is missing
/// ```
pub struct Store {
    pub(crate) record: Arc<dyn Record>,
    pub(crate) board: Arc<dyn Board>,
    pub(crate) board_monitor: BoardMonitor,
    pub(crate) verify: Verify,
    pub(crate) verify_cost: VerifyCost,
    pub(crate) limits: Limits,
    pub(crate) feed: Feed,
    pub(crate) versions: Versions,
    pub(crate) reconcile_queue: ReconcileQueue,
    pub(crate) sweep_now: Notify,
    /// Set once the first attempt to prepare the Record has finished, successful or not.
    pub(crate) preparation_attempted: SetOnce<()>,
    pub(crate) spans: Option<SpanSink>,
}

impl Store {
    /// Combines Record and Board. Nothing runs in the background before [`Store::run`].
    ///
    /// `verify` returns true if a text is the correct value of an index. It must accept any index and any
    /// text without panicking, and should be much cheaper than computing the value.
    pub fn new(
        record: Arc<dyn Record>,
        board: Arc<dyn Board>,
        verify: impl Fn(u32, &str) -> bool + Send + Sync + 'static,
        limits: Limits,
    ) -> Self {
        Self {
            versions: Versions::new(Arc::clone(&record)),
            record,
            board_monitor: BoardMonitor::new(Arc::clone(&board)),
            board,
            verify: Arc::new(verify),
            verify_cost: |_, value| Duration::from_nanos(value.len() as u64),
            limits,
            feed: Feed::new(),
            reconcile_queue: ReconcileQueue::default(),
            sweep_now: Notify::new(),
            preparation_attempted: SetOnce::new(),
            spans: None,
        }
    }

    /// Sends a trace of each result to `spans`, if given.
    #[must_use]
    pub fn with_spans(self, spans: Option<SpanSink>) -> Self {
        Self { spans, ..self }
    }

    /// Waits until [`Store::run`] has tried to prepare the Record once, successfully or not.
    pub async fn preparation_attempted(&self) {
        self.preparation_attempted.wait().await;
    }

    /// The indexes that are computed here.
    #[must_use]
    pub fn index_range(&self) -> IndexRange {
        self.limits.index_range
    }

    /// Sets the function that estimates the duration of a verification (default: one nanosecond per byte).
    #[must_use]
    pub fn with_verify_cost(self, verify_cost: fn(u32, &str) -> Duration) -> Self {
        Self { verify_cost, ..self }
    }

    /// The Record, for health checks and counts.
    #[must_use]
    pub fn record(&self) -> &dyn Record {
        &*self.record
    }

    /// The Board, for counts.
    #[must_use]
    pub fn board(&self) -> &dyn Board {
        &*self.board
    }

    /// Health of the Board. Logs the cause of an outage once.
    #[must_use]
    pub fn board_monitor(&self) -> &BoardMonitor {
        &self.board_monitor
    }

    /// The event feed, for watchers.
    #[must_use]
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Publishes an event to the watchers of every server, or of this one if the Board is unavailable.
    pub(crate) async fn notify_watchers(&self, kind: EventKind, entry: Entry) {
        let event = Event { kind, entry };
        if let Err(error) = self.board.publish(&Notice::Changed { event: event.clone() }).await {
            tracing::debug!(%error, "publish failed; notified only this server's watchers");
            self.feed.send(&event);
        }
    }
}
