//! Compatibility with the original Fibonacci system: its clients, workers and servers with ours, and its data. This
//! folder can be deleted as a whole.

mod foreign_worker;
mod migration;

use e2e::{Database, Redis, Settings, Stack, Worker, eventually};
use protocol::Status;
use serde_json::json;

use foreign_worker::ForeignWorker;

/// The requests of the original React client: two reads when it opens, one write per click.
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

    // A second submission does not hide the value, not even briefly.
    api.submit(7).await;
    assert_eq!(api.get("/values/current").await.expect(200).json(), json!({"7": "13"}));
    assert_eq!(api.get("/values/all").await.expect(200).json(), json!([{"number": 7}]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correct_foreign_worker_serves_our_server() {
    let stack = Stack::builder().workers(0).start().await;
    let _foreign = ForeignWorker::right(stack.redis.port()).await;
    let api = stack.api();
    for (index, value) in [(7, "13"), (0, "0"), (100, "354224848179261915075")] {
        api.submit(index).await;
        let done = api.entry_at(index, Status::Done).await;
        assert_eq!(done.brief(), value);
        assert_eq!(done.worker, None, "a foreign worker has no id");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_foreign_value_is_rejected_and_our_worker_replaces_it() {
    let stack = Stack::builder().workers(0).start().await;
    let _foreign = ForeignWorker::shifted(stack.redis.port()).await;
    let api = stack.api();
    api.submit(7).await;
    let refused = api.entry_when(7, "has a reason", |entry| entry.reason.is_some()).await;
    assert_eq!(refused.status, Status::Pending);
    let reason = refused.reason.unwrap_or_default();
    assert!(reason.contains("“21”") && reason.contains("wrong"), "{reason}");
    assert_eq!(api.current().await["7"], "Nothing yet!");

    let _ours = Worker::start(&stack.settings);
    let done = api.entry_at(7, Status::Done).await;
    assert_eq!(done.brief(), "13");
    assert_eq!(done.reason, None, "the reason is cleared");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_value_is_right_with_a_wrong_foreign_worker_beside_ours() {
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
async fn our_worker_serves_an_original_server() {
    let redis = Redis::start();
    let settings = Settings::stack(&Database::create(), redis.port());
    // Published before any worker subscribed: with the original worker, it stayed pending forever.
    redis.ask_for(8);
    let _worker = Worker::start(&settings);
    let value_of = async |index: u32| {
        eventually(format!("F({index}) is in the hash"), || async {
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

    // When an index is submitted again, an original server resets its value first.
    redis.ask_for(7);
    assert_eq!(value_of(7).await, "13");

    // Messages that are not indexes are ignored.
    for nonsense in ["-5", "007", "3abc", "", "5.9", "99999999999"] {
        redis.run(&["publish", "insert", nonsense]);
    }
    redis.ask_for(9);
    assert_eq!(value_of(9).await, "34");
}

#[tokio::test(flavor = "multi_thread")]
async fn our_server_records_and_shows_what_an_original_server_submits() {
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
async fn an_index_above_the_maximum_from_an_original_server_fails_with_the_reason() {
    let stack = Stack::builder().set("MAX_INDEX", 1_000).start().await;
    stack.redis.ask_for(1_001);
    let failed = stack.api().entry_at(1_001, Status::Failed).await;
    assert_eq!(failed.reason.as_deref(), Some("The index must not exceed 1,000."));
}
