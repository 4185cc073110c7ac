//! A worker on the in-process Board: what it does with claims, one step at a time where that is enough.

// clippy knows tests by their attribute, and these helpers have none.
#![allow(clippy::unwrap_used)]

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::Duration,
};

use futures::StreamExt;
use protocol::{Index, MaxIndex, Notice, WorkerId};
use store::{Board, Channel, EnqueueReason, FailOutcome, InProcessBoard, IndexState, Message};
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;
use worker::{FibJob, Job, JobError, Step, Worker, WorkerSettings};

const SOON: Duration = Duration::from_secs(30);

type Progress<'a> = &'a mut dyn FnMut(f64) -> ControlFlow<()>;

/// A job made of a function.
struct Do<F>(F);

impl<F> Job for Do<F>
where
    F: Fn(Index, Progress<'_>) -> Result<String, JobError> + Send + Sync + 'static,
{
    fn compute(&self, index: Index, progress: Progress<'_>) -> Result<String, JobError> {
        (self.0)(index, progress)
    }
}

/// Runs until it is told to stop, and says through the channel that it runs.
fn endless(began: mpsc::Sender<Index>) -> Arc<dyn Job> {
    Arc::new(Do(move |index, progress: Progress<'_>| {
        began.send(index).map_err(|error| JobError::Failed(error.to_string()))?;
        while progress(0.5).is_continue() {
            std::thread::yield_now();
        }
        Err(JobError::Stopped)
    }))
}

/// A Board whose time is the test's.
fn board() -> (Arc<InProcessBoard>, Arc<AtomicU64>) {
    let time_us = Arc::new(AtomicU64::new(1_000_000));
    let clock = Arc::clone(&time_us);
    (Arc::new(InProcessBoard::with_clock(move || clock.load(Ordering::Relaxed))), time_us)
}

fn pass(time_us: &AtomicU64, duration: Duration) {
    time_us.fetch_add(u64::try_from(duration.as_micros()).unwrap(), Ordering::Relaxed);
}

fn worker(board: &Arc<InProcessBoard>, job: Arc<dyn Job>) -> Worker {
    Worker::new(board.clone(), job, WorkerSettings::default())
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
    timeout(SOON, running).await.expect("the worker did not stop").unwrap();
}

/// Waits for the notice that `wanted` picks.
async fn notice<T>(
    board: &InProcessBoard,
    act: impl Future<Output = ()>,
    wanted: impl Fn(Notice) -> Option<T>,
) -> T {
    let mut heard = board.subscribe(&[Channel::Events]).await.unwrap();
    act.await;
    let search = async {
        while let Some(heard) = heard.next().await {
            if let Message::Notice(notice) = heard
                && let Some(found) = wanted(notice)
            {
                return found;
            }
        }
        panic!("the notices ended");
    };
    timeout(SOON, search).await.expect("the notice did not come")
}

#[tokio::test]
async fn a_worker_drains_the_list() {
    let (board, _) = board();
    let worker = worker(&board, Arc::new(FibJob));
    submit(&board, &[7, 0, 100]).await;
    let mut did = Vec::new();
    loop {
        match worker.step().await.unwrap() {
            Step::Idle => break,
            step => did.push(step),
        }
    }
    assert_eq!(did, [7, 0, 100].map(|number| Step::Done(index(number))));
    for (number, value) in [(7, "13"), (0, "0"), (100, "354224848179261915075")] {
        assert_eq!(board.result(index(number)).await.unwrap().as_deref(), Some(value));
    }
}

#[tokio::test]
async fn a_running_worker_computes_what_it_hears() {
    let (board, _) = board();
    let (stop, running) = run(worker(&board, Arc::new(FibJob)));
    let value = notice(&board, submit(&board, &[7]), |notice| match notice {
        Notice::Finished { value, .. } => value,
        _ => None,
    });
    assert_eq!(value.await, "13");
    stop.cancel();
    join(running).await;
}

#[tokio::test]
async fn as_many_are_computed_at_once_as_is_set_and_no_more() {
    let (board, _) = board();
    let (began, begun) = mpsc::channel();
    let settings = WorkerSettings { concurrency: 3, ..WorkerSettings::default() };
    submit(&board, &[1, 2, 3, 4]).await;
    let (stop, running) = run(Worker::new(board.clone(), endless(began), settings));
    let mut first = tokio::task::spawn_blocking(move || {
        let first: Vec<_> = (0..3).map(|_| begun.recv_timeout(SOON).unwrap().get()).collect();
        assert!(begun.try_recv().is_err(), "a fourth computation began");
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
async fn a_stop_gives_the_claim_back_and_does_not_count_the_attempt() {
    let (board, _) = board();
    let (began, begun) = mpsc::channel();
    submit(&board, &[7]).await;
    let (stop, running) = run(worker(&board, endless(began)));
    tokio::task::spawn_blocking(move || begun.recv_timeout(SOON)).await.unwrap().unwrap();
    assert!(matches!(state(&board, 7).await, IndexState::Pending(Some(_))));
    stop.cancel();
    join(running).await;
    assert_eq!(state(&board, 7).await, IndexState::Pending(None));
    let claim = board.claim(&WorkerId::new("next"), SOON).await.unwrap().unwrap();
    assert_eq!(claim.attempt, 1);
}

#[tokio::test]
async fn a_panic_is_a_failed_attempt_and_the_fifth_is_the_last() {
    let (board, time_us) = board();
    let worker = worker(&board, Arc::new(Do(|_, _: Progress<'_>| panic!("out of luck"))));
    submit(&board, &[7]).await;
    for attempt in 1..=5 {
        let step = worker.step().await.unwrap();
        let Step::Failed { reason, outcome: Some(outcome), .. } = step else { panic!("{step:?}") };
        assert_eq!(reason, "The computation panicked: out of luck");
        match outcome {
            FailOutcome::Retry { after } if attempt < 5 => {
                assert_eq!(worker.step().await.unwrap(), Step::Idle, "it is not due before its backoff");
                pass(&time_us, after + Duration::from_millis(1));
            }
            FailOutcome::GivenUp if attempt == 5 => {}
            outcome => panic!("{outcome:?} after attempt {attempt}"),
        }
    }
    let IndexState::GivenUp { reason } = state(&board, 7).await else { panic!("it was not given up") };
    assert!(reason.contains("out of luck"), "{reason}");
    pass(&time_us, SOON);
    assert_eq!(worker.step().await.unwrap(), Step::Idle);
}

#[tokio::test]
async fn an_attempt_that_works_after_one_that_failed_is_done() {
    let (board, time_us) = board();
    let calls = AtomicU64::new(0);
    let job = Do(move |_, _: Progress<'_>| match calls.fetch_add(1, Ordering::Relaxed) {
        0 => Err(JobError::Failed("not today".to_owned())),
        _ => Ok("13".to_owned()),
    });
    let worker = worker(&board, Arc::new(job));
    submit(&board, &[7]).await;
    assert!(matches!(worker.step().await.unwrap(), Step::Failed { reason, .. } if reason == "not today"));
    pass(&time_us, SOON);
    assert_eq!(worker.step().await.unwrap(), Step::Done(index(7)));
}

#[tokio::test]
async fn an_index_above_the_maximum_fails_at_once_with_the_reason() {
    let (board, _) = board();
    let settings = WorkerSettings { max_index: MaxIndex::new(index(1_000)), ..WorkerSettings::default() };
    let worker = Worker::new(board.clone(), Arc::new(FibJob), settings);
    submit(&board, &[1_001]).await;
    let step = worker.step().await.unwrap();
    assert!(matches!(step, Step::Failed { outcome: Some(FailOutcome::GivenUp), .. }), "{step:?}");
    let reason = "The index must not exceed 1,000.".to_owned();
    assert_eq!(state(&board, 1_001).await, IndexState::GivenUp { reason });
}

#[tokio::test]
async fn a_lost_lease_stops_the_computation() {
    let (board, time_us) = board();
    let (began, begun) = mpsc::channel();
    let settings = WorkerSettings { lease_ms: 300, ..WorkerSettings::default() };
    let worker = Worker::new(board.clone(), endless(began), settings);
    submit(&board, &[7]).await;
    let stealing = async {
        tokio::task::spawn_blocking(move || begun.recv_timeout(SOON)).await.unwrap().unwrap();
        pass(&time_us, SOON);
        board.claim(&WorkerId::new("thief"), SOON).await.unwrap()
    };
    let (step, stolen) = timeout(SOON, async { tokio::join!(worker.step(), stealing) }).await.unwrap();
    match stolen {
        Some(claim) => {
            assert_eq!(step.unwrap(), Step::Lost(index(7)));
            assert_eq!(claim.attempt, 2);
        }
        // The worker's own renewal was quicker than the thief; nothing was lost then.
        None => panic!("the lease had run out, but could not be claimed"),
    }
}

#[tokio::test]
async fn a_long_computation_keeps_its_lease_and_tells_its_progress() {
    let (board, _) = board();
    let (go, gate) = mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let job = Do(move |_, progress: Progress<'_>| {
        let gate = gate.lock().unwrap();
        while gate.try_recv().is_err() {
            if progress(0.25).is_break() {
                return Err(JobError::Stopped);
            }
            std::thread::yield_now();
        }
        Ok("13".to_owned())
    });
    submit(&board, &[7]).await;
    let worker = worker(&board, Arc::new(job));
    let told = notice(&board, async {}, |notice| match notice {
        Notice::Progress { progress, attempt, .. } => Some((progress, attempt)),
        _ => None,
    });
    let watching = async {
        let told = told.await;
        go.send(()).unwrap();
        told
    };
    let (step, told) = tokio::join!(worker.step(), watching);
    assert_eq!(told, (0.25, 1));
    assert_eq!(step.unwrap(), Step::Done(index(7)));
}

#[tokio::test]
async fn what_waited_before_the_worker_came_is_computed() {
    let (board, _) = board();
    board.enqueue(index(8), EnqueueReason::Message).await.unwrap();
    let (stop, running) = run(worker(&board, Arc::new(FibJob)));
    let value = notice(&board, async {}, |notice| match notice {
        Notice::Finished { value, .. } => value,
        _ => None,
    });
    let value = match board.result(index(8)).await.unwrap() {
        Some(value) => value,
        None => value.await,
    };
    assert_eq!(value, "21");
    stop.cancel();
    join(running).await;
}
