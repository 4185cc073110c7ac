//! An accepted index is never lost, whichever process is killed at whatever moment.

use e2e::{Client, Database, Gate, Redis, Server, Settings, Stack, Worker, eventually, expected};
use protocol::{Entry, Outcome, Status};
use serde_json::json;
use throwaway::{Postgres, Relay};

/// Time for which a killed worker's claim blocks the next worker.
const LEASE_MS: u32 = 1_000;

fn recorded(database: &Database, index: u32) -> bool {
    // The view that original clients use; it does not exist before the server has created it.
    let count = format!("select count(*) from values where number = {index}");
    database.try_execute(&count).is_ok_and(|count| count.trim() == "1")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_between_the_record_and_the_board_loses_nothing() {
    let (redis, database) = (Redis::start(), Database::create());
    let wire = Relay::to(redis.port()).unwrap();
    let settings = Settings::stack(&database, redis.port());
    let mut server = Server::start(&settings.clone().set("REDIS_PORT", wire.port())).await;
    server.api().ready().await;

    wire.hold();
    let api = server.api();
    let submitted = tokio::spawn(async move {
        api.try_send(api.request(reqwest::Method::POST, "/values").json(&json!({"index": "7"}))).await
    });
    eventually("7 is recorded in Postgres", || async {
        recorded(&database, 7).then_some(()).ok_or("not yet")
    })
    .await;
    server.kill();
    // Requests on their way to Redis never arrive.
    wire.cut();
    wire.release();
    let _ = submitted.await.unwrap();
    assert_eq!(redis.value(7), "", "the server was killed too late");

    let _worker = Worker::start(&settings);
    server.restart().await;
    assert_eq!(server.api().value(7).await, expected(7));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_under_load_keeps_what_it_accepted() {
    let mut stack = Stack::builder().start().await;
    let clients: Vec<_> = (0..8_u32)
        .map(|client| {
            let api = stack.api();
            tokio::spawn(async move {
                let mut accepted = Vec::new();
                for index in (client..10_000).step_by(8) {
                    let request = api.request(reqwest::Method::POST, "/values");
                    match api.try_send(request.json(&json!({ "index": index }))).await {
                        Ok(answer) if answer.status == 200 => accepted.push(index),
                        // No response: the server is dead.
                        _ => break,
                    }
                }
                accepted
            })
        })
        .collect();
    eventually("some submissions are recorded", || async {
        let count = stack.database.execute("select count(*) from values");
        count.trim().parse::<u32>().ok().filter(|count| *count > 40).ok_or(count)
    })
    .await;
    stack.server.kill();
    let mut accepted = Vec::new();
    for client in clients {
        accepted.extend(client.await.unwrap());
    }
    assert!(!accepted.is_empty());
    stack.server.restart().await;
    let api = stack.api();
    for index in accepted {
        let entry = api.entry_at(index, Status::Done).await;
        assert_eq!(entry.outcome, Some(Outcome::of(&expected(index))), "{index}");
    }
}

/// Kills a worker as soon as `condition` is true for the entry, and checks that another worker finishes the job.
async fn worker_killed_when(description: &str, condition: fn(&Entry) -> bool) {
    let stack = Stack::builder().workers(0).set("LEASE_MS", LEASE_MS).start().await;
    let (gate, api) = (Gate::closed(), stack.api());
    let mut first = Worker::start_gated(&stack.settings, &gate);
    api.submit(100).await;
    let computing = api.entry_when(100, description, condition).await;
    assert_eq!(computing.attempt, Some(1));
    first.kill();

    let _second = Worker::start(&stack.settings);
    let done = api.entry_at(100, Status::Done).await;
    assert_eq!(done.brief(), expected(100));
    assert_ne!(done.worker, computing.worker);
    assert_eq!(gate.began(), [100]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_after_the_claim_is_replaced() {
    worker_killed_when("claimed", |entry| entry.status == Status::Computing).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_in_the_middle_of_a_computation_is_replaced() {
    worker_killed_when("half-way", |entry| entry.progress.is_some_and(|progress| progress > 0.2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_kills_five_workers_fails_and_a_submission_retries_it() {
    let stack = Stack::builder().workers(0).set("LEASE_MS", 300).start().await;
    let (gate, api) = (Gate::closed(), stack.api());
    api.submit(7).await;
    for attempt in 1..=5 {
        let mut victim = Worker::start_gated(&stack.settings, &gate);
        api.entry_when(7, "being computed", |entry| entry.attempt == Some(attempt)).await;
        victim.kill();
    }
    // Another worker notices, when it polls, that the lease of the fifth attempt has expired.
    let _worker = Worker::start(&stack.settings);
    let failed = api.entry_at(7, Status::Failed).await;
    assert!(failed.reason.is_some(), "{failed:?}");
    api.submit(7).await;
    assert_eq!(api.value(7).await, expected(7));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flushed_redis_delays_results_but_loses_none() {
    let stack = Stack::builder().workers(0).start().await;
    let (gate, api) = (Gate::closed(), stack.api());

    // Flush while the index is pending.
    api.submit(7).await;
    stack.redis.run(&["flushall"]);
    // Flush while it is being computed.
    let _worker = Worker::start_gated(&stack.settings, &gate);
    gate.wait_for(1).await;
    stack.redis.run(&["flushall"]);
    gate.open();
    assert_eq!(api.value(7).await, expected(7));

    // Flush after it is done: short values are in the Record, long ones are computed again.
    api.submit(50_000).await;
    let brief = api.value(50_000).await;
    stack.redis.run(&["flushall"]);
    assert_eq!(api.value(7).await, expected(7));
    assert_eq!(api.current().await["50000"], brief);
    let digits = digits(&api, 50_000).await;
    assert_eq!(digits, expected(50_000));
    assert_eq!(api.try_entry(50_000).await.unwrap().status, Status::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evicted_result_stays_done_and_is_recomputed_on_request() {
    let stack = Stack::builder().set("RESULT_BUDGET_BYTES", 1).start().await;
    let api = stack.api();
    for index in [50_000, 60_000] {
        api.submit(index).await;
        api.value(index).await;
    }
    eventually("the result of 50000 is evicted", || async {
        let value = stack.redis.value(50_000);
        if value.is_empty() { Ok(()) } else { Err(format!("{} bytes", value.len())) }
    })
    .await;
    assert_eq!(api.try_entry(50_000).await.unwrap().status, Status::Done);
    let first = api.get("/values/50000/digits").await.expect(202);
    assert_eq!(first.header("retry-after".parse::<reqwest::header::HeaderName>().unwrap()), "1");
    assert_eq!(digits(&api, 50_000).await, expected(50_000));
    assert_eq!(api.try_entry(50_000).await.unwrap().status, Status::Done);
}

/// Requests the whole value until it is available.
async fn digits(api: &Client, index: u32) -> String {
    eventually(format!("the whole value of {index} is available"), || async {
        let answer = api.get(&format!("/values/{index}/digits")).await;
        if answer.status == 200 { Ok(answer.body) } else { Err(format!("{answer:?}")) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_duplicates_are_one_entry_computed_once() {
    let stack = Stack::builder().workers(0).start().await;
    let (gate, api) = (Gate::opened(), stack.api());
    let _workers: Vec<_> = (0..2).map(|_| Worker::start_gated(&stack.settings, &gate)).collect();
    let submissions = (0..20).map(|_| api.submit(100));
    futures::future::join_all(submissions).await;
    let done = api.entry_at(100, Status::Done).await;
    assert_eq!(done.times_submitted, 20);
    assert_eq!(api.all().await, [100]);
    // The list is a queue: a duplicate of 100 would have been computed before 101.
    api.submit(101).await;
    api.value(101).await;
    assert_eq!(gate.began(), [100, 101]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_published_to_four_workers_is_computed_once() {
    let redis = Redis::start();
    let (gate, settings) = (Gate::opened(), Settings::stack(&Database::create(), redis.port()));
    let _workers: Vec<_> = (0..4).map(|_| Worker::start_gated(&settings, &gate)).collect();
    eventually("four workers are subscribed", || async {
        let listeners = redis.run(&["pubsub", "numsub", "insert"]);
        if listeners.ends_with('4') { Ok(()) } else { Err(listeners) }
    })
    .await;
    let indexes = [90, 91, 92, 93, 94];
    for index in indexes {
        redis.ask_for(index);
        eventually(format!("the result of {index} is posted"), || async {
            let value = redis.value(index);
            if value == expected(index) { Ok(()) } else { Err(value) }
        })
        .await;
        // All four workers receive the index again, after it is done.
        redis.run(&["publish", "insert", &index.to_string()]);
    }
    assert_eq!(gate.began(), indexes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_survives_a_redis_outage() {
    let mut stack = Stack::builder().workers(0).start().await;
    let (gate, api) = (Gate::closed(), stack.api());
    let mut worker = Worker::start_gated(&stack.settings, &gate);
    api.submit(100).await;
    gate.wait_for(1).await;
    stack.redis.kill();
    gate.open();
    worker.wait_for("board not responding");
    stack.redis.restart().unwrap();
    assert_eq!(api.value(100).await, expected(100));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_is_accepted_while_redis_is_down() {
    let mut stack = Stack::builder().start().await;
    let api = stack.api();
    stack.redis.kill();
    let entry = api.submit(7).await;
    assert_eq!(entry.status, Status::Pending);
    assert_eq!(api.current().await["7"], "Nothing yet!");
    let ready = api.get("/health/ready").await.expect(503);
    assert_eq!(ready.json()["parts"]["postgres"], "up");
    let _ = api.get("/health/live").await.expect(200);
    stack.redis.restart().unwrap();
    assert_eq!(api.value(7).await, expected(7));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_is_refused_while_postgres_is_down() {
    let mut postgres = Postgres::start().unwrap();
    let (database, redis) = (postgres.create_database().unwrap(), Redis::start());
    let settings = Settings::stack_on(&postgres, &database, redis.port());
    let server = Server::start(&settings).await;
    let _worker = Worker::start(&settings);
    let api = server.api();
    api.ready().await;
    api.submit(7).await;
    api.value(7).await;

    postgres.kill();
    let problem = api.post(&json!({"index": "8"})).await.expect_problem(503);
    assert!(problem.detail.is_some_and(|detail| !detail.contains("127.0.0.1")));
    let _ = api.get("/values/all").await.expect_problem(503);
    let _ = api.get("/health/ready").await.expect(503);
    let _ = api.get("/health/live").await.expect(200);

    postgres.restart().unwrap();
    api.ready().await;
    let _ = api.get("/values/8").await.expect_problem(404);
    assert_eq!(api.all().await, [7]);
    api.submit(8).await;
    assert_eq!(api.value(8).await, expected(8));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_started_before_its_databases_recovers_on_its_own() {
    let mut postgres = Postgres::start().unwrap();
    let (database, mut redis) = (postgres.create_database().unwrap(), Redis::start());
    let settings = Settings::stack_on(&postgres, &database, redis.port());
    postgres.kill();
    redis.kill();

    let server = Server::start(&settings).await;
    let mut worker = Worker::start(&settings);
    let api = server.api();
    worker.wait_for("board not responding");
    let _ = api.get("/health/live").await.expect(200);
    let ready = api.get("/health/ready").await.expect(503).json();
    assert_eq!(ready["success"], false, "{ready}");
    let _ = api.post(&json!({"index": "7"})).await.expect_problem(503);

    redis.restart().unwrap();
    postgres.restart().unwrap();
    api.ready().await;
    api.submit(7).await;
    assert_eq!(api.value(7).await, expected(7));
    assert_eq!(
        worker.log().matches("board not responding").count(),
        1,
        "must be logged once:\n{}",
        worker.log()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_worker_releases_its_claim_without_counting_the_attempt() {
    // The lease outlasts the test, so the second worker can claim the index only if the first released it.
    let stack = Stack::builder().workers(0).set("LEASE_MS", 600_000).start().await;
    let (gate, api) = (Gate::closed(), stack.api());
    let mut first = Worker::start_gated(&stack.settings, &gate);
    api.submit(7).await;
    gate.wait_for(1).await;
    let status = first.stop().await;
    assert!(status.success(), "{status}; its log:\n{}", first.log());

    let _second = Worker::start_gated(&stack.settings, &gate);
    gate.wait_for(2).await;
    let computing = api.entry_at(7, Status::Computing).await;
    assert_eq!(computing.attempt, Some(1));
    gate.open();
    assert_eq!(api.value(7).await, expected(7));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_ends_its_event_streams_and_exits_with_0() {
    let mut stack = Stack::builder().start().await;
    let mut events = [stack.api().events().await, stack.site_api().events().await];
    let status = stack.server.stop().await;
    assert!(status.success(), "{status}; its log:\n{}", stack.server.log());
    for events in &mut events {
        events.ended().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_whose_server_died_before_marking_it_can_still_be_evicted() {
    let mut stack = Stack::builder().workers(1).start().await;
    let api = stack.api();
    api.submit(7).await;
    assert_eq!(api.value(7).await, expected(7));
    stack.server.kill();
    // As if it had died between the two: recorded, but not marked on the Board.
    stack.redis.run(&["del", "{values}:results", "{values}:sizes"]);
    stack.server.restart().await;
    eventually("the result is marked", || async {
        match stack.redis.run(&["hget", "{values}:sizes", "7"]) {
            size if size == expected(7).len().to_string() => Ok(()),
            size => Err(size),
        }
    })
    .await;
}
