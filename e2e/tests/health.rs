//! The programs' own health checks: their images contain nothing else that could make a request.

use std::process::Command;

use e2e::{Database, Redis, Server, Settings, Worker, binary, eventually};
use serde_json::{Value, json};
use throwaway::process::free_port;

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

#[test]
fn a_health_check_without_an_address_is_refused() {
    let output =
        Command::new(binary("worker")).env_clear().arg("healthcheck").output().expect("it was built");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("HEALTH_ADDR must be set"), "{output:?}");
}
