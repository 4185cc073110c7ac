//! The programs' own health checks; their images contain no other program that could make a request.

use std::process::Command;

use e2e::{Client, Database, Raw, Redis, Server, Settings, Worker, binary, eventually, expected};
use protocol::Status;
use serde_json::{Value, json};
use throwaway::{Postgres, Relay, process::free_port};

/// Runs `program healthcheck` with these settings and returns its output, as an error if it failed.
async fn healthcheck(program: &str, settings: &Settings) -> Result<String, String> {
    let mut command = settings.command(&binary(program));
    command.arg("healthcheck");
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("it does not panic");
    let output = output.expect("it was built");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        Ok(said)
    } else {
        Err(format!("{}: {said}{}", output.status, String::from_utf8_lossy(&output.stderr)))
    }
}

/// Waits until the check fails with this reason.
async fn unhealthy(program: &str, settings: &Settings, because: &str) {
    eventually(because, || async {
        match healthcheck(program, settings).await {
            Err(said) if said.contains(because) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

async fn healthy(program: &str, settings: &Settings) {
    eventually("the check succeeds", || healthcheck(program, settings)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_is_healthy_while_subscribed_and_redis_responds() {
    let (database, mut redis) = (Database::create(), Redis::start());
    let address = format!("127.0.0.1:{}", free_port().expect("there is one"));
    let settings = Settings::stack(&database, redis.port()).set("HEALTH_ADDR", &address);
    unhealthy("worker", &settings, &address).await;
    let mut worker = Worker::start(&settings);
    healthy("worker", &settings).await;

    // Connections stay open, but Redis does not respond.
    redis.pause();
    unhealthy("worker", &settings, "the board is not responding").await;
    redis.resume();
    healthy("worker", &settings).await;

    redis.kill();
    unhealthy("worker", &settings, "the board is not responding").await;
    redis.restart().expect("it starts again");
    healthy("worker", &settings).await;

    // Clients that never finish a request do not keep the check from its turn.
    let listener = address.parse().expect("it is an address");
    let mut silent = Vec::new();
    for _ in 0..200 {
        let mut raw = Raw::connect(listener).await;
        raw.send("GET /health HTTP/1.1\r\nHost:").await;
        silent.push(raw);
    }
    healthy("worker", &settings).await;
    assert_eq!(silent[0].answer().await.status, 503, "the oldest makes room");
    let long = format!("GET /health HTTP/1.1\r\nHost: a\r\nA: {}\r\n\r\n", "a".repeat(40_000));
    let too_long = Raw::exchange(listener, long).await;
    assert!(too_long.status == 431 && too_long.body.contains("send GET /health"), "{too_long:?}");

    assert!(worker.stop().await.success(), "{}", worker.log());
    unhealthy("worker", &settings, &address).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_healthy_while_it_is_up_even_without_redis() {
    let (database, mut redis) = (Database::create(), Redis::start());
    let mut server = Server::start(&Settings::stack(&database, redis.port())).await;
    let settings = Settings::stack(&database, redis.port())
        .set("SITE_ADDR", server.site_addr())
        .set("API_ADDR", server.api_addr());
    healthy("server", &settings).await;
    redis.kill();
    healthy("server", &settings).await;
    server.kill();
    unhealthy("server", &settings, &server.api_addr().to_string()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_logs_its_state_periodically() {
    let (database, mut redis) = (Database::create(), Redis::start());
    let settings = Settings::stack(&database, redis.port())
        .set("LOG_FORMAT", "json")
        .set("LOG_LEVEL", "info")
        .set("STATE_INTERVAL_SECONDS", 1);
    let server = Server::start(&settings).await;
    server.api().ready().await;
    // No worker is running.
    server.api().submit(7).await;
    state(&server, &json!({"ready": true, "pending_list_length": 1})).await;
    redis.kill();
    state(&server, &json!({"ready": false})).await;
}

/// Waits for a log line with exactly these fields, besides those of every line.
async fn state(server: &Server, expected: &Value) {
    eventually(format!("the log says {expected}"), || async {
        let log = server.log();
        let found =
            log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).any(|mut line| {
                let fields = line.as_object_mut().expect("a line is an object");
                let message = fields.remove("message");
                fields.retain(|name, _| !["timestamp", "level", "target"].contains(&name.as_str()));
                message == Some(json!("server state")) && line == *expected
            });
        if found { Ok(()) } else { Err(log) }
    })
    .await;
}

/// Downloads the whole value, which may have been evicted.
async fn digits(api: &Client, index: u32) -> String {
    eventually(format!("the digits of {index}"), || async {
        let answer = api.get(&format!("/values/{index}/digits")).await;
        if answer.status == 200 { Ok(answer.body) } else { Err(answer.body) }
    })
    .await
}

/// Creates a Redis user, by the arguments of `ACL SETUSER` after its name, and returns settings with it.
fn with_user(redis: &Redis, settings: Settings, rules: &str) -> Settings {
    let mut command = vec!["ACL", "SETUSER", "fibstack", "on", ">PASSWORD"];
    command.extend(rules.split_whitespace());
    redis.run(&command);
    settings.set("REDIS_USERNAME", "fibstack").set("REDIS_PASSWORD", "PASSWORD")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_redis_permissions_suffice() {
    let line = include_str!("../../docs/SETTINGS.md")
        .lines()
        .find_map(|line| line.strip_prefix("ACL SETUSER fibstack on >PASSWORD "))
        .expect("the documentation has the line");
    let (database, redis) = (Database::create(), Redis::start());
    let address = format!("127.0.0.1:{}", free_port().expect("there is one"));
    let settings = with_user(&redis, Settings::stack(&database, redis.port()), line)
        .set("HEALTH_ADDR", &address)
        .set("RESULT_BUDGET_BYTES", 30_000);
    let (server, worker) = (Server::start(&settings).await, Worker::start(&settings));
    let api = server.api();
    api.ready().await;
    healthy("worker", &settings).await;
    // One result for the list, one to evict, and one to compute again after its eviction.
    for index in [7, 100_000, 100_001] {
        api.submit(index).await;
        api.entry_at(index, Status::Done).await;
    }
    assert_eq!(digits(&api, 100_000).await, expected(100_000));
    // An index found only in the hash, then one submitted after Redis lost everything.
    redis.ask_for(8);
    assert_eq!(api.value(8).await, expected(8));
    redis.run(&["flushall"]);
    redis.run(&["script", "flush"]);
    api.submit(9).await;
    assert_eq!(api.value(9).await, expected(9));
    let ready = api.get("/health/ready").await.expect(200).json();
    assert_eq!(ready.get("warnings"), None, "{ready}");
    // Nothing was refused so far, and no permission is superfluous.
    assert_eq!(redis.run(&["acl", "log"]), "");
    for log in [server.log(), worker.log()] {
        assert!(!log.contains("NOPERM") && !log.contains("refuses"), "{log}");
    }
    for rule in line.split_whitespace().filter(|rule| *rule != "&{values}:check") {
        let without: Vec<_> = line.split_whitespace().filter(|other| *other != rule).collect();
        redis.run(&["ACL", "SETUSER", "fibstack", "reset"]);
        let _ = with_user(&redis, settings.clone(), &without.join(" "));
        eventually(format!("readiness names {rule}"), || async {
            let ready = api.get("/health/ready").await;
            if ready.body.contains(rule) { Ok(()) } else { Err(ready.body) }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_redis_permission_is_named_logged_once_and_stops_no_work() {
    let (database, redis) = (Database::create(), Redis::start());
    let address = format!("127.0.0.1:{}", free_port().expect("there is one"));
    let settings = with_user(&redis, Settings::stack(&database, redis.port()), "~* +@all resetchannels")
        .set("HEALTH_ADDR", &address);
    let (server, worker) = (Server::start(&settings).await, Worker::start(&settings));
    let api = server.api();
    let missing = "The Redis user may not use the channels events, insert: grant &events &insert.";
    unhealthy("worker", &settings, missing).await;
    let reasons = eventually("readiness names it", || async {
        let ready = api.get("/health/ready").await.expect(503).json();
        if ready["parts"]["postgres"] == "up" { Ok(ready) } else { Err(ready.to_string()) }
    })
    .await;
    assert_eq!(reasons["parts"]["redis"], "down", "{reasons}");
    assert_eq!(reasons["reasons"]["redis"], json!([missing]), "{reasons}");
    // The work is found without messages, and no attempt is lost.
    for index in [7, 8, 9] {
        api.submit(index).await;
    }
    for index in [7, 8, 9] {
        assert_eq!(api.value(index).await, expected(index));
    }
    redis.run(&["ACL", "SETUSER", "fibstack", "&*"]);
    api.ready().await;
    healthy("worker", &settings).await;
    for log in [server.log(), worker.log()] {
        assert_eq!(log.matches("board refuses part of the work").count(), 1, "{log}");
        assert_eq!(log.matches("board is working again").count(), 1, "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_smaller_than_the_budget_computes_everything_that_fits() {
    // Its value has 3.1 MB, and Redis holds two copies while it receives one.
    const TOO_LARGE: u32 = 15_000_000;
    let (database, redis) = (Database::create(), Redis::start());
    redis.run(&["config", "set", "maxmemory", "6mb"]);
    let settings = Settings::stack(&database, redis.port()).set("MAX_INDEX", TOO_LARGE);
    let server = Server::start(&settings).await;
    let api = server.api();
    api.ready().await;
    // Submitted while no worker is running, so that large and small ones wait together.
    let large: Vec<_> = (980_000..=1_000_000).step_by(1_000).collect();
    let small: Vec<_> = (1..=50).collect();
    api.submit(TOO_LARGE).await;
    for index in large.iter().chain(&small) {
        api.submit(*index).await;
    }
    let _worker = Worker::start(&settings);
    let failed = api.entry_at(TOO_LARGE, Status::Failed).await;
    assert!(failed.reason.as_deref().is_some_and(|reason| reason.contains("6291456 bytes")), "{failed:?}");
    for index in large.iter().chain(&small) {
        api.entry_at(*index, Status::Done).await;
    }
    // Also after Redis lost everything, which includes 980,000.
    redis.run(&["flushall"]);
    for index in 51..=60 {
        api.submit(index).await;
        assert_eq!(api.value(index).await, expected(index));
    }
    assert_eq!(digits(&api, 980_000).await, expected(980_000));
    api.ready().await;
}

#[test]
fn a_health_check_without_an_address_is_refused() {
    let output =
        Command::new(binary("worker")).env_clear().arg("healthcheck").output().expect("it was built");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("HEALTH_ADDR must be set"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_stops_responding_is_reported_with_the_reason() {
    let (database, redis) = (Database::create(), Redis::start());
    let relay = Relay::to(Postgres::shared().port()).unwrap();
    let settings = Settings::stack(&database, redis.port()).set("PGPORT", relay.port());
    let server = Server::start(&settings).await;
    server.api().ready().await;
    relay.hold();
    eventually("readiness names the cause", || async {
        let answer = server.api().try_get("/health/ready").await.map_err(|error| error.to_string())?;
        let body: Value = answer.json();
        let expected =
            (503, json!("no answer"), json!(["The database cannot be used: it did not respond in time."]));
        let found =
            (answer.status.as_u16(), body["parts"]["postgres"].clone(), body["reasons"]["postgres"].clone());
        if found == expected { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
    relay.release();
    server.api().ready().await;
}
