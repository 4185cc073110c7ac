//! Behaviour of a worker on the in-process Board, step by step where possible.

// clippy knows tests by their attribute, and these helpers have none.
#![allow(clippy::unwrap_used)]

use std::{
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::Duration,
};

use futures::StreamExt;
use job::{JOB, JobError, Progress};
use protocol::{Index, IndexRange, Notice, WorkerId};
use store::{Board, Channel, EnqueueReason, FailOutcome, InProcessBoard, IndexState, Message};
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;
use worker::{Step, Worker, WorkerSettings};

const ONE: NonZero<usize> = NonZero::<usize>::MIN;
const SOON: Duration = Duration::from_secs(30);

/// Returns a computation that runs until it is stopped, and sends its index when it starts.
fn endless(
    started: mpsc::Sender<Index>,
) -> impl Fn(u32, Progress<'_>) -> Result<String, JobError> + Send + Sync {
    move |number, progress| {
        started.send(index(number)).map_err(|error| JobError::Failed(error.to_string()))?;
        while progress(0.5).is_continue() {
            std::thread::yield_now();
        }
        Err(JobError::Stopped)
    }
}

/// Creates a Board whose clock the test controls.
fn board() -> (Arc<InProcessBoard>, Arc<AtomicU64>) {
    let time_us = Arc::new(AtomicU64::new(1_000_000));
    let clock = Arc::clone(&time_us);
    (Arc::new(InProcessBoard::with_clock(move || clock.load(Ordering::Relaxed))), time_us)
}

fn pass(time_us: &AtomicU64, duration: Duration) {
    time_us.fetch_add(u64::try_from(duration.as_micros()).unwrap(), Ordering::Relaxed);
}

fn worker(
    board: &Arc<InProcessBoard>,
    compute: impl Fn(u32, Progress<'_>) -> Result<String, JobError> + Send + Sync + 'static,
) -> Worker {
    Worker::new(board.clone(), compute, WorkerSettings::default())
}

fn index(number: u32) -> Index {
    Index::try_from(number).unwrap()
}

async fn submit(board: &InProcessBoard, numbers: &[u32]) {
    for number in numbers {
        board.enqueue(index(*number), EnqueueReason::Submission).await.unwrap();
    }
}

async fn state(board: &InProcessBoard, number: u32) -> IndexState {
    board.index_states(&[index(number)]).await.unwrap().remove(0)
}

/// Starts a worker that runs until the token is cancelled.
fn run(worker: Worker) -> (CancellationToken, JoinHandle<()>) {
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    (stop, tokio::spawn(async move { worker.run(stopped).await }))
}

async fn join(running: JoinHandle<()>) {
    timeout(SOON, running).await.expect("the worker did not stop in time").unwrap();
}

/// Subscribes, runs `act`, and returns what `wanted` picks from the first notice that it accepts.
async fn notice<T>(
    board: &InProcessBoard,
    act: impl Future<Output = ()>,
    wanted: impl Fn(Notice) -> Option<T>,
) -> T {
    let mut messages = board.subscribe(&[Channel::Events]).await.unwrap();
    act.await;
    let search = async {
        while let Some(message) = messages.next().await {
            if let Message::Notice(notice) = message
                && let Some(found) = wanted(notice)
            {
                return found;
            }
        }
        panic!("the subscription ended");
    };
    timeout(SOON, search).await.expect("no such notice arrived in time")
}

fn finished_value(notice: Notice) -> Option<String> {
    match notice {
        Notice::Finished { value, .. } => value,
        _ => None,
    }
}

#[tokio::test]
async fn a_worker_drains_the_list() {
    let (board, _) = board();
    let worker = worker(&board, JOB.on(ONE));
    let indexes = [JOB.sample.index, JOB.lowest_index, JOB.sample.index + 1];
    submit(&board, &indexes).await;
    let mut steps = Vec::new();
    loop {
        match worker.step().await.unwrap() {
            Step::Idle => break,
            step => steps.push(step),
        }
    }
    assert_eq!(steps, indexes.map(|number| Step::Done(index(number))));
    for number in indexes {
        assert_eq!(board.result(index(number)).await.unwrap(), JOB.value(number).ok());
    }
}

#[tokio::test]
async fn a_running_worker_computes_a_submitted_index() {
    let (board, _) = board();
    let (stop, running) = run(worker(&board, JOB.on(ONE)));
    let value = notice(&board, submit(&board, &[7]), finished_value);
    assert_eq!(value.await, JOB.value(7).unwrap());
    stop.cancel();
    join(running).await;
}

#[tokio::test]
async fn concurrent_computations_never_exceed_the_setting() {
    let (board, _) = board();
    let (starts, started) = mpsc::channel();
    let settings = WorkerSettings { concurrency: 3, ..WorkerSettings::default() };
    submit(&board, &[1, 2, 3, 4]).await;
    let (stop, running) = run(Worker::new(board.clone(), endless(starts), settings));
    let mut first = tokio::task::spawn_blocking(move || {
        let first: Vec<_> = (0..3).map(|_| started.recv_timeout(SOON).unwrap().get()).collect();
        assert!(started.try_recv().is_err(), "a fourth computation started");
        first
    })
    .await
    .unwrap();
    first.sort_unstable();
    assert_eq!(first, [1, 2, 3]);
    stop.cancel();
    join(running).await;
}

#[tokio::test]
async fn a_stopping_worker_releases_its_claim_without_counting_the_attempt() {
    let (board, _) = board();
    let (starts, started) = mpsc::channel();
    submit(&board, &[7]).await;
    let (stop, running) = run(worker(&board, endless(starts)));
    tokio::task::spawn_blocking(move || started.recv_timeout(SOON)).await.unwrap().unwrap();
    assert!(matches!(state(&board, 7).await, IndexState::Pending(Some(_))));
    stop.cancel();
    join(running).await;
    assert_eq!(state(&board, 7).await, IndexState::Pending(None));
    let claim = board.claim(&WorkerId::new("next"), SOON).await.unwrap().unwrap();
    assert_eq!(claim.attempt, 1);
}

#[tokio::test]
async fn a_panic_is_a_failed_attempt_and_the_fifth_fails_the_index() {
    let (board, time_us) = board();
    let worker = worker(&board, |_, _: Progress<'_>| panic!("out of luck"));
    submit(&board, &[7]).await;
    for attempt in 1..=5 {
        let step = worker.step().await.unwrap();
        let Step::Failed { reason, outcome: Some(outcome), .. } = step else { panic!("{step:?}") };
        assert_eq!(reason, "The computation panicked: out of luck");
        match outcome {
            FailOutcome::Retry { after } if attempt < 5 => {
                assert_eq!(worker.step().await.unwrap(), Step::Idle, "the retry must wait for its backoff");
                pass(&time_us, after + Duration::from_millis(1));
            }
            FailOutcome::GivenUp if attempt == 5 => {}
            outcome => panic!("{outcome:?} after attempt {attempt}"),
        }
    }
    let IndexState::GivenUp { reason } = state(&board, 7).await else { panic!("the index was not given up") };
    assert!(reason.contains("out of luck"), "{reason}");
    pass(&time_us, SOON);
    assert_eq!(worker.step().await.unwrap(), Step::Idle);
}

#[tokio::test]
async fn a_retry_can_succeed_after_a_failed_attempt() {
    let (board, time_us) = board();
    let calls = AtomicU64::new(0);
    let compute = move |_, _: Progress<'_>| match calls.fetch_add(1, Ordering::Relaxed) {
        0 => Err(JobError::Failed("no entropy left".to_owned())),
        _ => Ok("a value".to_owned()),
    };
    let worker = worker(&board, compute);
    submit(&board, &[7]).await;
    assert!(
        matches!(worker.step().await.unwrap(), Step::Failed { reason, .. } if reason == "no entropy left")
    );
    pass(&time_us, SOON);
    assert_eq!(worker.step().await.unwrap(), Step::Done(index(7)));
}

#[tokio::test]
async fn an_impossible_index_fails_at_once_with_the_reason() {
    let (board, _) = board();
    let impossible = || JobError::Impossible("There is no such value.".to_owned());
    let worker = worker(&board, move |_, _: Progress<'_>| Err(impossible()));
    submit(&board, &[7]).await;
    let step = worker.step().await.unwrap();
    assert!(matches!(step, Step::Failed { outcome: Some(FailOutcome::GivenUp), .. }), "{step:?}");
    assert_eq!(worker.step().await.unwrap(), Step::Idle);
}

#[tokio::test]
async fn an_index_outside_the_range_fails_at_once_with_the_reason() {
    let (board, _) = board();
    let index_range = IndexRange { lowest: index(5), highest: index(1_000) };
    let worker = Worker::new(
        board.clone(),
        |_, _: Progress<'_>| panic!("it must not be computed"),
        WorkerSettings { index_range, ..WorkerSettings::default() },
    );
    let too_low = "The index must not be below 5. It must be a whole number from 5 to 1,000.";
    for (number, reason) in [(1_001, "The index must not exceed 1,000."), (4, too_low)] {
        submit(&board, &[number]).await;
        let step = worker.step().await.unwrap();
        assert!(matches!(step, Step::Failed { outcome: Some(FailOutcome::GivenUp), .. }), "{step:?}");
        assert_eq!(state(&board, number).await, IndexState::GivenUp { reason: reason.to_owned() });
    }
}

#[tokio::test]
async fn a_lost_lease_stops_the_computation() {
    let (board, time_us) = board();
    let (starts, started) = mpsc::channel();
    let settings = WorkerSettings { lease_ms: 300, ..WorkerSettings::default() };
    let worker = Worker::new(board.clone(), endless(starts), settings);
    submit(&board, &[7]).await;
    let stealing = async {
        tokio::task::spawn_blocking(move || started.recv_timeout(SOON)).await.unwrap().unwrap();
        pass(&time_us, SOON);
        board.claim(&WorkerId::new("thief"), SOON).await.unwrap()
    };
    let (step, stolen) = timeout(SOON, async { tokio::join!(worker.step(), stealing) }).await.unwrap();
    match stolen {
        Some(claim) => {
            assert_eq!(step.unwrap(), Step::LeaseLost(index(7)));
            assert_eq!(claim.attempt, 2);
        }
        // The worker renewed its lease before the thief could claim the index.
        None => panic!("the lease had expired, but the index could not be claimed"),
    }
}

#[tokio::test]
async fn a_long_computation_renews_its_lease_and_reports_progress() {
    let (board, _) = board();
    let (go, gate) = mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let compute = move |_, progress: Progress<'_>| {
        let gate = gate.lock().unwrap();
        while gate.try_recv().is_err() {
            if progress(0.25).is_break() {
                return Err(JobError::Stopped);
            }
            std::thread::yield_now();
        }
        Ok("a value".to_owned())
    };
    submit(&board, &[7]).await;
    let worker = worker(&board, compute);
    let progress = notice(&board, async {}, |notice| match notice {
        Notice::Progress { progress, attempt, .. } => Some((progress, attempt)),
        _ => None,
    });
    let watching = async {
        let progress = progress.await;
        go.send(()).unwrap();
        progress
    };
    let (step, progress) = tokio::join!(worker.step(), watching);
    assert_eq!(progress, (0.25, 1));
    assert_eq!(step.unwrap(), Step::Done(index(7)));
}

#[tokio::test(flavor = "multi_thread")]
async fn long_computations_do_not_delay_short_ones_and_do_not_exceed_the_concurrency() {
    let (board, _) = board();
    let (started, starts) = mpsc::channel();
    let endless = endless(started);
    let compute = move |number, progress: Progress<'_>| match number {
        0..=100 => Ok(number.to_string()),
        _ => endless(number, progress),
    };
    let settings =
        WorkerSettings { concurrency: 2, highest_short_index: index(100), ..WorkerSettings::default() };
    let (stop, running) = run(Worker::new(board.clone(), compute, settings));
    submit(&board, &[1_000, 1_001, 1_002]).await;
    let long = [starts.recv().unwrap(), starts.recv().unwrap()];
    for number in 1..=50 {
        let finished = |notice| finished_value(notice).filter(|value| *value == number.to_string());
        notice(&board, submit(&board, &[number]), finished).await;
    }
    assert_eq!((long, starts.try_recv().ok()), ([index(1_000), index(1_001)], None));
    stop.cancel();
    join(running).await;
}

#[tokio::test]
async fn an_index_submitted_before_the_worker_started_is_computed() {
    let (board, _) = board();
    board.enqueue(index(8), EnqueueReason::Message).await.unwrap();
    let (stop, running) = run(worker(&board, JOB.on(ONE)));
    let value = notice(&board, async {}, finished_value);
    let value = match board.result(index(8)).await.unwrap() {
        Some(value) => value,
        None => value.await,
    };
    assert_eq!(value, JOB.value(8).unwrap());
    stop.cancel();
    join(running).await;
}
