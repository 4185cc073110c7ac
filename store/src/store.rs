//! The Record and the Board together: submitting and reading.

use std::{sync::Arc, time::Duration};

use protocol::{Entry, Event, EventKind, Index, MaxIndex, Outcome, Status};
use tokio::{
    sync::{Notify, SetOnce},
    time::timeout,
};

use crate::{
    Board, BoardError, ClaimState, Enqueue, Enqueued, Notice, Record, RecordError, Sighting, SpanSink,
    feed::Feed, heard::HeardIndexes,
};

/// How long a submission waits for the Board. What could not be announced by then, the sweep announces.
const ANNOUNCE_DEADLINE: Duration = Duration::from_secs(1);
/// How long a page waits for the Board to tell who computes what. Without it, entries are `pending`.
const LOOK_DEADLINE: Duration = Duration::from_millis(500);

/// Says whether a text is the right value of an index. Cheap beside computing it.
pub type Verify = fn(index: u32, value: &str) -> bool;

/// What one installation allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The highest index that is computed.
    pub max_index: MaxIndex,
    /// How many bytes of whole results the Board keeps.
    pub result_budget_bytes: u64,
}

/// Why a number can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The Record did not answer.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The Board did not answer.
    #[error(transparent)]
    Board(#[from] BoardError),
}

/// The whole number, or why there is none to give now.
#[derive(Clone, Debug, PartialEq)]
pub enum DigitsAnswer {
    /// The index was never submitted.
    Unknown,
    /// It is being computed: for the first time, or again after its result was evicted.
    Pending(Entry),
    /// It was given up.
    Failed(Entry),
    /// All digits, checked.
    Ready(String),
}

/// The Record and the Board together, with the flow of a submission between them.
///
/// ```text
/// submit ─► Record ─► Board ─► (worker) ─► copy: check, Record, tell ─► Feed
///              ▲                                │
///              └────────── sweep ◄──────────────┘ puts back what went missing
/// ```
pub struct Store {
    pub(crate) record: Arc<dyn Record>,
    pub(crate) board: Arc<dyn Board>,
    pub(crate) verify: Verify,
    pub(crate) limits: Limits,
    pub(crate) feed: Feed,
    pub(crate) heard: HeardIndexes,
    pub(crate) sweep_now: Notify,
    /// The Record was tried to be prepared, well or not.
    pub(crate) tried: SetOnce<()>,
    pub(crate) spans: Option<SpanSink>,
}

impl Store {
    /// Puts the parts together. Nothing runs until [`Store::run`] does.
    pub fn new(record: Arc<dyn Record>, board: Arc<dyn Board>, verify: Verify, limits: Limits) -> Self {
        Self {
            record,
            board,
            verify,
            limits,
            feed: Feed::new(),
            heard: HeardIndexes::default(),
            sweep_now: Notify::new(),
            tried: SetOnce::new(),
            spans: None,
        }
    }

    /// With somebody who is told the way of each result, if anybody is.
    #[must_use]
    pub fn with_spans(self, spans: Option<SpanSink>) -> Self {
        Self { spans, ..self }
    }

    /// Waits until [`Store::run`] has prepared the Record, or has failed to for the first time.
    pub async fn tried_to_prepare(&self) {
        self.tried.wait().await;
    }

    /// The highest index that is computed here.
    #[must_use]
    pub fn max_index(&self) -> MaxIndex {
        self.limits.max_index
    }

    /// The Record, for health checks and counts.
    #[must_use]
    pub fn record(&self) -> &dyn Record {
        &*self.record
    }

    /// The Board, for health checks and counts.
    #[must_use]
    pub fn board(&self) -> &dyn Board {
        &*self.board
    }

    /// The news, for whoever watches.
    #[must_use]
    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Takes a submission. When this returns, the index is kept, and its value will appear. An
    /// unreachable Board is no error: the sweep announces the index as soon as it is back.
    ///
    /// # Errors
    /// The Record could not take it; nothing was accepted.
    pub async fn submit(&self, index: Index, accepted_us: u64) -> Result<Entry, RecordError> {
        let submission = self.record.submit(index, accepted_us).await?;
        metrics::counter!("fibstack_submissions_total").increment(1);
        match timeout(ANNOUNCE_DEADLINE, self.announce(&submission.entry)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%index, %error, "recorded, but not announced yet"),
            Err(_) => tracing::warn!(%index, "recorded, but the board did not answer in time"),
        }
        Ok(submission.entry)
    }

    async fn announce(&self, entry: &Entry) -> Result<(), BoardError> {
        // Watchers hear of the submission before they can hear of its result.
        self.tell(EventKind::Submitted, entry.clone()).await;
        if entry.status == Status::Pending
            && self.board.enqueue(entry.index, Enqueue::Submitted).await? == Enqueued::AlreadyDone
        {
            // A result stands on the Board that the Record does not know: a foreign worker's, say.
            self.heard.add(entry.index);
            self.sweep_now.notify_one();
        }
        Ok(())
    }

    /// A page of entries, newest first, from below the position `before`.
    ///
    /// # Errors
    /// The Record did not answer.
    pub async fn page(&self, before: Option<u64>, limit: u32) -> Result<Vec<Entry>, RecordError> {
        let mut entries = self.record.newest(before, limit).await?;
        self.add_claims(&mut entries).await;
        Ok(entries)
    }

    /// One entry, if it was ever submitted.
    ///
    /// # Errors
    /// The Record did not answer.
    pub async fn entry(&self, index: Index) -> Result<Option<Entry>, RecordError> {
        let mut entries: Vec<_> = self.record.entry(index).await?.into_iter().collect();
        self.add_claims(&mut entries).await;
        Ok(entries.pop())
    }

    /// The whole number. Asking for one that was evicted has it computed again.
    ///
    /// # Errors
    /// The Record or, for a long number, the Board did not answer.
    pub async fn digits(&self, index: Index) -> Result<DigitsAnswer, ReadError> {
        let Some(entry) = self.entry(index).await? else { return Ok(DigitsAnswer::Unknown) };
        match (entry.status, &entry.outcome) {
            (Status::Failed, _) => Ok(DigitsAnswer::Failed(entry)),
            (Status::Done, Some(Outcome::Whole { value })) => Ok(DigitsAnswer::Ready(value.clone())),
            (Status::Done, _) => {
                if let Some(value) = self.board.result(index).await? {
                    // The hash is open to writers of any make: what stood there when the result was
                    // copied need not be what stands there now.
                    match self.verified(index, value).await {
                        Ok(value) => return Ok(DigitsAnswer::Ready(value)),
                        Err(wrong) => drop(self.board.reject(index, &wrong).await?),
                    }
                }
                self.board.enqueue(index, Enqueue::Submitted).await?;
                Ok(DigitsAnswer::Pending(entry))
            }
            (Status::Pending | Status::Computing, _) => Ok(DigitsAnswer::Pending(entry)),
        }
    }

    /// Adds to pending entries what the Board knows of their computation.
    async fn add_claims(&self, entries: &mut [Entry]) {
        let waiting: Vec<_> = entries.iter_mut().filter(|entry| entry.status == Status::Pending).collect();
        if waiting.is_empty() {
            return;
        }
        let indexes: Vec<_> = waiting.iter().map(|entry| entry.index).collect();
        let Ok(Ok(sightings)) = timeout(LOOK_DEADLINE, self.board.look(&indexes)).await else {
            return;
        };
        for (entry, sighting) in waiting.into_iter().zip(sightings) {
            if let Sighting::Pending(Some(claim)) = sighting {
                computing(entry, &claim);
            }
        }
    }

    /// Tells everybody, on this server and the others.
    pub(crate) async fn tell(&self, kind: EventKind, entry: Entry) {
        let event = Event { kind, entry };
        if let Err(error) = self.board.publish(&Notice::Changed { event: event.clone() }).await {
            tracing::debug!(%error, "told this server's watchers alone");
            self.feed.send(event);
        }
    }

    /// Checks a value, a large one off the async threads. Gives it back either way.
    pub(crate) async fn verified(&self, index: Index, value: String) -> Result<String, String> {
        const AT_ONCE_BYTES: usize = 16 * 1024;
        let verify = self.verify;
        let at_once = value.len() <= AT_ONCE_BYTES;
        let check = move || if verify(index.get(), &value) { Ok(value) } else { Err(value) };
        if at_once {
            return check();
        }
        // The check can't panic on any text, and the runtime outlives its tasks.
        tokio::task::spawn_blocking(check).await.unwrap_or_else(|_| Err(String::new()))
    }
}

/// Turns a pending entry into one that is being computed.
pub(crate) fn computing(entry: &mut Entry, claim: &ClaimState) {
    entry.status = Status::Computing;
    entry.revision = entry.revision.computing(claim.attempt, claim.progress);
    entry.worker = Some(claim.worker.clone());
    entry.attempt = Some(claim.attempt);
    entry.progress = Some(claim.progress);
    entry.timeline.announced_us = Some(claim.announced_us);
    entry.timeline.claimed_us = Some(claim.claimed_us);
}
