//! Tests that a value may be any text: it passes through a worker, the Record and every route unchanged.

use std::{sync::Arc, time::Duration};

use axum::{
    body::to_bytes,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, Method},
    response::{IntoResponse, Response},
};
use job::{JobError, Progress};
use protocol::{Entry, Index, IndexRange, Outcome};
use serde_json::Value;
use store::{InProcessBoard, Limits, SqliteRecord, Store, now_us};
use tokio::{sync::Semaphore, time::timeout};
use tokio_util::sync::CancellationToken;
use worker::{Worker, WorkerSettings};

use super::{ApiState, digits, entries, legacy};
use crate::{mode::Mode, rate_limit::RateLimit, read_cache::ReadCache, readiness::Monitor};

const WITHIN: Duration = Duration::from_secs(30);

/// Returns a short value for even indexes, and for odd ones a value so long that lists abbreviate it. Both contain
/// characters that JSON escapes, and characters of several bytes.
fn text(index: u32) -> String {
    let piece = format!("{index}: \"é\" \\ </script> 2^3 × 💥\n");
    if index.is_multiple_of(2) { piece } else { piece.repeat(100) }
}

fn compute(index: u32, _progress: Progress<'_>) -> Result<String, JobError> {
    Ok(text(index))
}

/// Creates the state of an API whose values are [`text`].
fn state(folder: &std::path::Path, stop: &CancellationToken) -> ApiState {
    let record = Arc::new(SqliteRecord::new(folder));
    let board = Arc::new(InProcessBoard::new());
    let limits = Limits { index_range: IndexRange::ALL, result_budget_bytes: 1_000_000 };
    let verify = |index: u32, value: &str| value == text(index);
    let store = Arc::new(Store::new(record, board.clone(), verify, limits));
    tokio::spawn(Arc::clone(&store).run(stop.clone()));
    let settings = WorkerSettings { index_range: IndexRange::ALL, ..WorkerSettings::default() };
    let (worker, stopped) = (Worker::new(board, compute, settings), stop.clone());
    tokio::spawn(async move { worker.run(stopped).await });
    ApiState {
        monitor: Arc::new(Monitor::new(Arc::clone(&store))),
        read_cache: Arc::new(ReadCache::new(Arc::clone(&store), 1_000_000)),
        store,
        rate_limit: Arc::new(RateLimit::new(0, Vec::new())),
        streams: Arc::new(Semaphore::new(1)),
        metrics: metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder().handle(),
        mode: Mode::Embedded,
        cors_origins: Vec::new(),
        body_deadline: WITHIN,
    }
}

/// Submits an index and waits for its value.
async fn done(store: &Store, index: Index) {
    let waiting = async {
        store.preparation_attempted().await;
        store.submit(index, now_us()).await.unwrap();
        while store.entry(index).await.unwrap().is_none_or(|entry| entry.outcome.is_none()) {
            tokio::task::yield_now().await;
        }
    };
    timeout(WITHIN, waiting).await.expect("the value did not arrive in time");
}

async fn body(response: impl IntoResponse) -> Vec<u8> {
    let response: Response = response.into_response();
    to_bytes(response.into_body(), usize::MAX).await.unwrap().into()
}

#[tokio::test]
async fn a_value_with_quotes_backslashes_and_other_scripts_is_returned_intact() {
    let folder = tempfile::tempdir().unwrap();
    let stop = CancellationToken::new();
    let _stop_at_the_end = stop.clone().drop_guard();
    let state = state(folder.path(), &stop);
    for number in [8, 9] {
        let index = Index::try_from(number).unwrap();
        let expected = Outcome::of(&text(number));
        done(&state.store, index).await;

        let shared = || State(state.clone());
        let path = || Path(number.to_string());
        let digits = digits::digits(shared(), path(), RawQuery(None), Method::GET, HeaderMap::new());
        let digits = digits.await.unwrap();
        assert_eq!(String::from_utf8(body(digits).await).unwrap(), text(number));

        let entry = body(entries::one(shared(), path()).await.unwrap()).await;
        assert_eq!(serde_json::from_slice::<Entry>(&entry).unwrap().outcome, Some(expected.clone()));

        let list = body(entries::list(shared(), RawQuery(None)).await.unwrap()).await;
        let list: Vec<Entry> = serde_json::from_slice(&list).unwrap();
        assert_eq!(list[0].outcome, Some(expected.clone()));

        let current = body(legacy::current(shared(), HeaderMap::new()).await.unwrap()).await;
        let current: Value = serde_json::from_slice(&current).unwrap();
        assert_eq!(current[number.to_string()], expected.brief());
    }
}
