//! The flow of a submission between Record and Board, with a job that is not Fibonacci: the value of
//! an index is its double.

#![expect(clippy::unwrap_used, reason = "in a test, a failed unwrap is the message")]

use std::{
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use futures::StreamExt;
use protocol::{Entry, EventKind, Index, IndexRange, Notice, Outcome, Status, WorkerId};
use store::{
    Board, Channel, DigitsAnswer, EnqueueReason, FeedItem, InProcessBoard, IndexState, Limits, Message,
    SqliteRecord, Store, now_us,
};
use tempfile::TempDir;
use tokio::{sync::broadcast, time::timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

const WITHIN: Duration = Duration::from_secs(30);

fn index(number: u32) -> Index {
    Index::try_from(number).unwrap()
}

fn doubled(index: u32, value: &str) -> bool {
    value.trim_start_matches('0') == (u64::from(index) * 2).to_string()
}

/// The stores of one or more servers, on one Record and one Board.
struct System {
    stores: Vec<Arc<Store>>,
    /// One per store, subscribed before the store ran.
    watchers: Vec<broadcast::Receiver<FeedItem>>,
    board: Arc<InProcessBoard>,
    _stop: DropGuard,
    _folder: TempDir,
}

impl System {
    fn start(servers: usize, result_budget_bytes: u64) -> Self {
        Self::start_with(servers, result_budget_bytes, doubled, |_, _| Duration::ZERO)
    }

    fn start_with(
        servers: usize,
        result_budget_bytes: u64,
        verify: impl Fn(u32, &str) -> bool + Clone + Send + Sync + 'static,
        verify_cost: fn(u32, &str) -> Duration,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let record = Arc::new(SqliteRecord::new(folder.path()));
        let board = Arc::new(InProcessBoard::new());
        let index_range = IndexRange { lowest: index(1), highest: index(1_000) };
        let limits = Limits { index_range, result_budget_bytes };
        let stop = CancellationToken::new();
        let store = || {
            let store = Store::new(record.clone(), board.clone(), verify.clone(), limits);
            Arc::new(store.with_verify_cost(verify_cost))
        };
        let stores: Vec<_> = (0..servers).map(|_| store()).collect();
        let watchers = stores.iter().map(|store| store.feed().subscribe().1).collect();
        for store in &stores {
            tokio::spawn(Arc::clone(store).run(stop.clone()));
        }
        Self { stores, watchers, board, _stop: stop.drop_guard(), _folder: folder }
    }

    fn store(&self) -> &Store {
        &self.stores[0]
    }

    /// Submits once the Record is ready.
    async fn submit(&self, number: u32) -> Entry {
        until("the record", async || self.store().submit(index(number), now_us()).await.ok()).await
    }

    /// Claims an index and posts a value for it, as a worker would.
    async fn work(&self, value: impl Fn(Index) -> String) -> Index {
        let worker = WorkerId::new("test");
        let claim =
            until("a claim", async || self.board.claim(&worker, Duration::from_secs(60)).await.unwrap())
                .await;
        let index = claim.lease.index;
        self.board.finish(&claim.lease, &value(index), now_us()).await.unwrap();
        index
    }

    async fn entry_with(&self, number: u32, wanted: impl Fn(&Entry) -> bool) -> Entry {
        until("the entry", async || {
            self.store().entry(index(number)).await.unwrap().filter(|entry| wanted(entry))
        })
        .await
    }
}

async fn until<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let waiting = async {
        loop {
            if let Some(found) = condition().await {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(WITHIN, waiting).await.unwrap_or_else(|_| panic!("waited {WITHIN:?} for {what}"))
}

fn right(index: Index) -> String {
    (u64::from(index.get()) * 2).to_string()
}

fn long(index: Index) -> String {
    format!("{}{}", "0".repeat(2_000), right(index))
}

#[tokio::test]
async fn a_submission_becomes_a_verified_value_with_a_complete_timeline() {
    let system = System::start(1, 1_000_000);
    let entry = system.submit(21).await;
    assert_eq!((entry.status, entry.times_submitted), (Status::Pending, 1));
    system.work(right).await;
    let done = system.entry_with(21, |entry| entry.status == Status::Done).await;
    assert_eq!(done.outcome, Some(Outcome::of("42")));
    assert_eq!(done.worker, Some(WorkerId::new("test")));
    assert!(done.timeline.steps().iter().all(|(_, at)| at.is_some()), "{:?}", done.timeline);
    // A repeated submission is counted, and the entry stays done.
    let again = system.submit(21).await;
    assert_eq!((again.status, again.times_submitted), (Status::Done, 2));
    assert_eq!(system.board.pending_len().await.unwrap(), 0);
}

#[tokio::test]
async fn watchers_of_every_server_get_each_event_once_and_in_order() {
    let mut system = System::start(3, 1_000_000);
    // Once subscribed, each server makes its watchers resync.
    for watcher in &mut system.watchers {
        let item = timeout(WITHIN, watcher.recv()).await.unwrap().unwrap();
        assert!(matches!(item, FeedItem::Resync), "{item:?}");
    }
    system.submit(5).await;
    system.work(right).await;
    for watcher in &mut system.watchers {
        let mut kinds = Vec::new();
        while kinds.last() != Some(&EventKind::Done) {
            let item = timeout(WITHIN, watcher.recv()).await.unwrap().unwrap();
            if let FeedItem::Event(text) = item {
                let text = str::from_utf8(&text).unwrap();
                kinds.extend(
                    EventKind::ALL
                        .into_iter()
                        .find(|kind| text.starts_with(&format!("event: {}\n", kind.as_str()))),
                );
            }
        }
        kinds.retain(|kind| *kind != EventKind::Computing);
        assert_eq!(kinds, [EventKind::Submitted, EventKind::Done]);
    }
}

#[tokio::test]
async fn a_wrong_value_is_rejected_and_the_reason_is_shown_until_it_is_correct() {
    let system = System::start(1, 1_000_000);
    system.submit(7).await;
    let mut messages = system.board.subscribe(&[Channel::Insert, Channel::Events]).await.unwrap();
    system.work(|_| "16".to_owned()).await;
    let explained = system.entry_with(7, |entry| entry.reason.is_some()).await;
    assert_eq!(explained.status, Status::Pending);
    let reason = explained.reason.unwrap();
    assert!(reason.contains("“16”") && reason.contains("that is the value for index 8"), "{reason}");
    // It is on the list again, but `insert` was not published, since a wrong foreign worker would answer it
    // with the same value, over and over.
    let state = system.board.index_states(&[index(7)]).await.unwrap();
    assert_eq!(state, [IndexState::Pending(None)]);
    system.work(right).await;
    let done = system.entry_with(7, |entry| entry.status == Status::Done).await;
    assert_eq!(done.reason, None);
    let mut kinds = Vec::new();
    while kinds.last() != Some(&EventKind::Done) {
        match timeout(WITHIN, messages.next()).await.unwrap().unwrap() {
            Message::Insert(text) => panic!("published insert {text}"),
            Message::Notice(Notice::Changed { event }) => kinds.push(event.kind),
            Message::Notice(_) => {}
        }
    }
    assert_eq!(kinds, [EventKind::Rejected, EventKind::Done]);
}

#[tokio::test]
async fn a_slow_verification_never_runs_on_an_async_thread() {
    let verified_on = Arc::new(Mutex::new(Vec::new()));
    let threads = Arc::clone(&verified_on);
    let verify = move |index: u32, value: &str| {
        threads.lock().unwrap().push(thread::current().id());
        doubled(index, value)
    };
    let system = System::start_with(1, 1_000_000, verify, |_, _| Duration::from_secs(1));
    system.submit(7).await;
    // The value of index 8, so that both the verification and the search for the reason are slow.
    system.work(|_| "16".to_owned()).await;
    let rejected = system.entry_with(7, |entry| entry.reason.is_some()).await;
    assert!(rejected.reason.unwrap().contains("that is the value for index 8"));
    system.work(right).await;
    system.entry_with(7, |entry| entry.status == Status::Done).await;
    // This test's runtime has a single async thread, the current one.
    let verified_on = verified_on.lock().unwrap();
    assert!(verified_on.len() >= 3, "{verified_on:?}");
    assert!(!verified_on.contains(&thread::current().id()), "{verified_on:?}");
}

/// A value of this many characters for any index, with quotes and non-ASCII characters.
fn text_value(characters: usize) -> String {
    "é\"\\💥".chars().cycle().take(characters).collect()
}

#[tokio::test]
async fn a_value_may_be_any_text() {
    let texts = |_index: u32, value: &str| {
        [10, 900, 1_500].into_iter().any(|characters| value == text_value(characters))
    };
    let system = System::start_with(1, 1_000_000, texts, |_, _| Duration::ZERO);
    for (number, characters) in [(1, 10), (2, 900), (3, 1_500)] {
        let value = text_value(characters);
        system.submit(number).await;
        system.work(|_| value.clone()).await;
        let done = system.entry_with(number, |entry| entry.status == Status::Done).await;
        assert_eq!(done.outcome, Some(Outcome::of(&value)));
        assert_eq!(done.outcome.unwrap().digits(), characters as u64);
        assert_eq!(system.store().digits(index(number)).await.unwrap(), DigitsAnswer::Ready(value));
    }
    // NUL cannot be stored, so such a value is wrong whatever the job says.
    system.submit(4).await;
    system.work(|_| "\0“\"".to_owned()).await;
    let rejected = system.entry_with(4, |entry| entry.reason.is_some()).await;
    assert!(rejected.reason.unwrap().contains("“\u{fffd}“\"”"));
}

#[tokio::test]
async fn an_evicted_result_stays_done_and_is_computed_again_on_request() {
    let system = System::start(1, 2_500);
    for number in [1, 2] {
        system.submit(number).await;
        system.work(long).await;
        system.entry_with(number, |entry| entry.status == Status::Done).await;
    }
    // Both results together exceed the budget, so the older one is evicted.
    until("the eviction", async || {
        (system.board.index_states(&[index(1)]).await.unwrap() == [IndexState::Absent]).then_some(())
    })
    .await;
    let answer = system.store().digits(index(1)).await.unwrap();
    assert!(matches!(&answer, DigitsAnswer::Pending(entry) if entry.status == Status::Done), "{answer:?}");
    assert_eq!(system.work(long).await, index(1));
    let digits = until("the digits", async || match system.store().digits(index(1)).await.unwrap() {
        DigitsAnswer::Ready(digits) => Some(digits),
        _ => None,
    })
    .await;
    assert_eq!(digits, long(index(1)));
    assert_eq!(system.store().digits(index(999)).await.unwrap(), DigitsAnswer::Unknown);
}

#[tokio::test]
async fn an_index_found_only_on_the_board_is_recorded_and_computed() {
    let system = System::start(1, 1_000_000);
    system.submit(1).await;
    system.board.enqueue(index(8), EnqueueReason::Message).await.unwrap();
    system.board.enqueue(index(1_001), EnqueueReason::Message).await.unwrap();
    let failed = system.entry_with(1_001, |entry| entry.status == Status::Failed).await;
    assert!(failed.reason.unwrap().contains("1,000"));
    for _ in 0..3 {
        system.work(right).await;
    }
    system.entry_with(8, |entry| entry.status == Status::Done).await;
}

#[tokio::test]
async fn an_index_given_up_stays_failed_until_it_is_submitted_again() {
    let system = System::start(1, 1_000_000);
    system.submit(4).await;
    let worker = WorkerId::new("test");
    let claim =
        until("a claim", async || system.board.claim(&worker, Duration::from_secs(60)).await.unwrap()).await;
    system.board.fail(&claim.lease, "It can’t be done.", true).await.unwrap();
    let failed = system.entry_with(4, |entry| entry.status == Status::Failed).await;
    assert_eq!(failed.reason.as_deref(), Some("It can’t be done."));
    assert!(matches!(system.store().digits(index(4)).await.unwrap(), DigitsAnswer::Failed(_)));
    let again = system.submit(4).await;
    assert_eq!((again.status, again.reason), (Status::Pending, None));
    system.work(right).await;
    system.entry_with(4, |entry| entry.status == Status::Done).await;
}

#[tokio::test]
async fn digits_that_cannot_be_computed_again_are_refused_with_the_reason_and_retried() {
    let system = System::start(1, 0);
    for number in [21, 22] {
        system.submit(number).await;
        system.work(long).await;
        system.entry_with(number, |entry| entry.status == Status::Done).await;
    }
    let digits = async || system.store().digits(index(21)).await.unwrap();
    until("the first is evicted", async || matches!(digits().await, DigitsAnswer::Pending(_)).then_some(()))
        .await;
    let claim = system.board.claim(&WorkerId::new("test"), Duration::from_secs(60)).await.unwrap().unwrap();
    system.board.fail(&claim.lease, "too large", true).await.unwrap();
    match digits().await {
        DigitsAnswer::Failed(entry) => assert_eq!(entry.reason.as_deref(), Some("too large")),
        other => panic!("expected the reason, got {other:?}"),
    }
    assert!(matches!(digits().await, DigitsAnswer::Pending(_)));
    system.work(long).await;
    until("the digits", async || (digits().await == DigitsAnswer::Ready(long(index(21)))).then_some(()))
        .await;
}
