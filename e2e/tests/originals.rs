//! Clients, workers and servers of the original system, each with ours.

use e2e::{Database, ForeignWorker, Redis, Settings, Stack, Worker, eventually};
use protocol::Status;
use serde_json::json;

/// What the original's React client does: two reads when it is shown, one write at the button.
#[tokio::test(flavor = "multi_thread")]
async fn the_original_client_is_served() {
    let stack = Stack::start().await;
    let api = stack.through_nginx();
    assert_eq!(api.get("/values/current").await.expect(200).json(), json!({}));
    assert_eq!(api.get("/values/all").await.expect(200).json(), json!([]));

    let posted = api.post(&json!({"index": "7"})).await.expect(200).json();
    assert_eq!(posted["working"], true);
    api.value(7).await;
    assert_eq!(api.get("/values/all").await.expect(200).json(), json!([{"number": 7}]));
    assert_eq!(api.get("/values/current").await.expect(200).json(), json!({"7": "13"}));

    // Submitting it again does not take the value away for a moment.
    api.submit(7).await;
    assert_eq!(api.get("/values/current").await.expect(200).json(), json!({"7": "13"}));
    assert_eq!(api.get("/values/all").await.expect(200).json(), json!([{"number": 7}]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_worker_that_answers_right_serves_our_server() {
    let stack = Stack::builder().workers(0).start().await;
    let _foreign = ForeignWorker::right(stack.redis.port()).await;
    let api = stack.api();
    for (index, value) in [(7, "13"), (0, "0"), (100, "354224848179261915075")] {
        api.submit(index).await;
        let done = api.entry_at(index, Status::Done).await;
        assert_eq!(done.brief(), value);
        assert_eq!(done.worker, None, "nobody knows who it was");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_worker_that_answers_wrong_is_refused_until_one_of_ours_comes() {
    let stack = Stack::builder().workers(0).start().await;
    let _foreign = ForeignWorker::shifted(stack.redis.port()).await;
    let api = stack.api();
    api.submit(7).await;
    let refused = api.entry_when(7, "the reason is shown", |entry| entry.reason.is_some()).await;
    assert_eq!(refused.status, Status::Pending);
    let reason = refused.reason.unwrap_or_default();
    assert!(reason.contains("“21”") && reason.contains("wrong"), "{reason}");
    assert_eq!(api.current().await["7"], "Nothing yet!");

    let _ours = Worker::start(&stack.settings);
    let done = api.entry_at(7, Status::Done).await;
    assert_eq!(done.brief(), "13");
    assert_eq!(done.reason, None, "what was wrong before is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_wrong_foreign_worker_beside_ours_every_value_is_right() {
    let stack = Stack::builder().start().await;
    let _foreign = ForeignWorker::shifted(stack.redis.port()).await;
    let api = stack.api();
    for index in 0..40 {
        api.submit(index).await;
    }
    for index in 0..40 {
        let value = api.value(index).await;
        assert!((job::JOB.verify)(index, &value), "F({index}) is not {value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_original_server_is_served_by_our_worker_without_any_server_of_ours() {
    let redis = Redis::start();
    let settings = Settings::stack(&Database::create(), redis.port());
    // Asked before any worker listened: with the original, it waited for ever.
    redis.ask_for(8);
    let _worker = Worker::start(&settings);
    let value_of = async |index: u32| {
        eventually(format!("F({index}) stands in the hash"), || async {
            match redis.value(index) {
                value if value.is_empty() || value == "Nothing yet!" => Err(value),
                value => Ok(value),
            }
        })
        .await
    };
    assert_eq!(value_of(8).await, "21");
    redis.ask_for(7);
    assert_eq!(value_of(7).await, "13");

    // Asked again, an original server resets it first.
    redis.ask_for(7);
    assert_eq!(value_of(7).await, "13");

    // What is no index does the worker no harm.
    for nonsense in ["-5", "007", "3abc", "", "5.9", "99999999999"] {
        redis.run(&["publish", "insert", nonsense]);
    }
    redis.ask_for(9);
    assert_eq!(value_of(9).await, "34");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_original_server_asks_for_is_recorded_and_shown_by_ours() {
    let stack = Stack::builder().start().await;
    let api = stack.api();
    let mut events = api.events().await;
    stack.redis.ask_for(7);
    assert_eq!(api.value(7).await, "13");
    assert_eq!(api.all().await, [7]);
    let seen = events.until("7 is done", |sent| sent.event == "done").await;
    assert_eq!(seen.last().map(|sent| sent.entry().index.get()), Some(7));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_above_the_maximum_that_an_original_server_asks_for_fails_with_the_reason() {
    let stack = Stack::builder().set("MAX_INDEX", 1_000).start().await;
    stack.redis.ask_for(1_001);
    let failed = stack.api().entry_at(1_001, Status::Failed).await;
    assert_eq!(failed.reason.as_deref(), Some("The highest index computed here is 1,000."));
}
