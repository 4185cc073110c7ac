//! Startup: an invalid setting stops a program with one message that explains what to do; a listening server is usable.

use std::{
    io::{BufRead, BufReader},
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use e2e::{Client, Database, Redis, Server, Settings, binary, eventually};
use serde_json::json;
use throwaway::{Error, Folder, Postgres, Process, Relay, process::free_port};

/// Exit codes of a refused start: 2 for an invalid value, 1 or 2 for settings that contradict each other. Not a panic
/// (101) or a signal.
const REFUSED: [Option<i32>; 2] = [Some(1), Some(2)];

/// Runs a program that is expected to end immediately, and returns its exit status and output.
fn run(program: &str, settings: &[(&str, &str)]) -> (ExitStatus, String) {
    let folder = Folder::new("start").unwrap_or_else(|error| panic!("{error}"));
    let mut command = Command::new(e2e::binary(program));
    command.env_clear().env("SITE_ADDR", "127.0.0.1:0").env("API_ADDR", "127.0.0.1:0");
    command.env("DATA_DIR", folder.path()).envs(settings.iter().copied());
    let mut process = Process::start(program, command).unwrap_or_else(|error| panic!("{error}"));
    match process.wait_for("(never written)", e2e::DEADLINE) {
        Err(Error::Ended { status, log, .. }) => (status, log),
        other => panic!("{program} {settings:?} was not refused: {other:?}"),
    }
}

/// Asserts that the start is refused with a message that contains all of `parts`.
fn refused(program: &str, settings: &[(&str, &str)], parts: &[&str]) {
    let (status, message) = run(program, settings);
    assert!(REFUSED.contains(&status.code()), "{program} {settings:?}: {status}: {message}");
    for part in parts {
        assert!(message.contains(part), "{program} {settings:?}: “{part}” is missing:\n{message}");
    }
    assert!(!message.contains("panicked") && !message.contains("Backtrace"), "{message}");
    assert!(!message.contains("hunter2"), "a password is shown:\n{message}");
}

#[test]
fn a_host_with_a_port_is_refused_and_the_port_setting_named() {
    let endpoint = [("REDIS_HOST", "my.cache.amazonaws.com:6379"), ("PGHOST", "db")];
    for program in ["worker", "server"] {
        refused(program, &endpoint, &["REDIS_HOST", "my.cache.amazonaws.com:6379", "REDIS_PORT"]);
    }
    let endpoint = [("REDIS_HOST", "cache"), ("PGHOST", "db.rds.amazonaws.com:5432")];
    refused("server", &endpoint, &["PGHOST", "db.rds.amazonaws.com:5432", "PGPORT"]);
}

#[test]
fn a_worker_without_redis_is_refused() {
    refused("worker", &[], &["REDIS_HOST is missing"]);
    // An empty variable counts as unset.
    refused("worker", &[("REDIS_HOST", "")], &["REDIS_HOST is missing"]);
}

#[test]
fn an_invalid_value_is_refused_with_the_allowed_ones() {
    let both = [("REDIS_HOST", "cache"), ("PGHOST", "db")];
    for (name, value, allowed) in [
        ("REDIS_PORT", "tcp://10.0.0.1:6379", "from 1 to 65535"),
        ("REDIS_TLS", "perhaps", "true"),
        ("MAX_INDEX", "many", "whole number"),
        // Exceeds the largest index, and the memory of any machine.
        ("MAX_INDEX", "4000000000", "must be a whole number from 0 to"),
        ("LOG_FORMAT", "xml", "json"),
        ("LOG_LEVEL", "loud", "debug"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "example.org:4318", "http://127.0.0.1:4318"),
    ] {
        for program in ["worker", "server"] {
            refused(program, &[&both[..], &[(name, value)]].concat(), &[name, value, allowed]);
        }
    }
    for (name, value, allowed) in [("CONCURRENCY", "0", "from 1"), ("LEASE_MS", "1", "ms")] {
        refused("worker", &[&both[..], &[(name, value)]].concat(), &[name, value, allowed]);
    }
    for (name, value, allowed) in [
        ("PGSSLMODE", "yes", "verify-full"),
        ("PG_POOL_SIZE", "0", "from 1"),
        ("SITE_ADDR", "localhost", "127.0.0.1:3000"),
        ("CORS_ORIGINS", "example.org", "https://example.org"),
    ] {
        refused("server", &[&both[..], &[(name, value)]].concat(), &[name, value, allowed]);
    }
}

#[test]
fn secrets_are_never_shown() {
    let both = [("REDIS_HOST", "cache"), ("REDIS_PASSWORD", "hunter2"), ("REDIS_PASSWORD_FILE", "/nowhere")];
    for program in ["worker", "server"] {
        let settings = [&both[..], &[("PGHOST", "db"), ("PGPASSWORD", "hunter2")]].concat();
        refused(program, &settings, &["REDIS_PASSWORD and REDIS_PASSWORD_FILE are both set"]);
    }
    let collector = [
        ("REDIS_HOST", "cache"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://127.0.0.1:1"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "hunter2"),
    ];
    refused("worker", &collector, &["OTEL_EXPORTER_OTLP_HEADERS must be headers name=value"]);
    let url = [("REDIS_HOST", "cache"), ("CONNECTION_URL", "mysql://me:hunter2@db/app")];
    refused("server", &url, &["CONNECTION_URL", "postgres://"]);
    for program in ["worker", "server"] {
        let mut command = Command::new(e2e::binary(program));
        let help = command.arg("--help").env("REDIS_PASSWORD", "hunter2").env("PGPASSWORD", "hunter2");
        let help = help.output().expect("it was built");
        assert!(!String::from_utf8_lossy(&help.stdout).contains("hunter2"));
    }
}

#[test]
fn postgres_without_redis_and_redis_without_postgres_are_refused() {
    refused("server", &[("PGHOST", "db")], &["PGHOST", "REDIS_HOST"]);
    refused("server", &[("REDIS_HOST", "cache")], &["PGHOST", "REDIS_HOST"]);
}

#[test]
fn a_data_folder_that_cannot_be_used_is_refused_and_named() {
    let folder = Folder::new("data").expect("there is room");
    let (file, text) = (folder.path().join("file"), folder.path().join("text"));
    std::fs::write(&file, "not a folder").expect("it can be written");
    std::fs::create_dir(&text).expect("it can be created");
    std::fs::write(text.join("fibstack.sqlite"), "not a database\n".repeat(100)).expect("it can be written");
    for (folder, problem) in [
        // Nobody can create anything there, not even root.
        ("/sys/fibstack", "cannot be used: "),
        (file.to_str().expect("it is UTF-8"), "it is not a folder"),
        (text.to_str().expect("it is UTF-8"), "file is not a database"),
    ] {
        refused("server", &[("EMBEDDED", "true"), ("DATA_DIR", folder)], &["DATA_DIR", folder, problem]);
    }
}

#[test]
fn help_lists_settings_with_their_defaults() {
    for (program, names) in [
        (
            "worker",
            &[
                "REDIS_HOST",
                "REDIS_PORT",
                "REDIS_PASSWORD_FILE",
                "CONCURRENCY",
                "LEASE_MS",
                "MAX_INDEX",
                "OTEL_EXPORTER_OTLP_ENDPOINT",
            ][..],
        ),
        (
            "server",
            &[
                "PGHOST",
                "CONNECTION_URL",
                "PGSSLROOTCERT",
                "RESULT_BUDGET_BYTES",
                "DATA_DIR",
                "LOG_FORMAT",
                "STATE_INTERVAL_SECONDS",
            ],
        ),
    ] {
        let output = Command::new(e2e::binary(program)).arg("--help").output().expect("it was built");
        let help = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success());
        for name in names {
            assert!(help.contains(&format!("env: {name}")), "{name} is missing:\n{help}");
        }
        assert!(help.contains("[default: 6379]"), "{help}");
    }
}

#[test]
fn a_worker_whose_log_is_closed_still_shuts_down() {
    let mut worker = Command::new(e2e::binary("worker"))
        .env_clear()
        // Nothing listens on this port, so that there is something to log.
        .envs([("REDIS_HOST", "127.0.0.1"), ("REDIS_PORT", "9"), ("LOG_LEVEL", "debug")])
        .stderr(Stdio::piped())
        .spawn()
        .expect("it was built");
    let mut line = String::new();
    let log = worker.stderr.take().expect("it is piped");
    BufReader::new(log).read_line(&mut line).expect("it logs");
    // The reader is dropped: every further write fails.
    let killed = Command::new("kill").args(["-TERM", &worker.id().to_string()]).status();
    assert!(killed.expect("there is a `kill` on every Unix").success());
    let deadline = Instant::now() + e2e::DEADLINE;
    let status = loop {
        match worker.try_wait().expect("it is ours") {
            Some(status) => break Some(status),
            None if Instant::now() < deadline => thread::sleep(Duration::from_millis(10)),
            None => {
                worker.kill().and_then(|()| worker.wait().map(drop)).expect("it is ours");
                break None;
            }
        }
    };
    assert!(status.is_some_and(|status| status.success()), "{status:?} instead of exit code 0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listening_server_has_prepared_its_database() {
    let (folder, redis) = (Folder::new("start").expect("there is room"), Redis::start());
    for settings in [Settings::embedded(folder.path()), Settings::stack(&Database::create(), redis.port())] {
        let address = format!("127.0.0.1:{}", free_port().expect("there is one"));
        let command = settings.set("SITE_ADDR", &address).command(&binary("server"));
        let server = Process::start("server", command).unwrap_or_else(|error| panic!("{error}"));
        let api = Client::new(format!("http://{address}/api"));
        let first = eventually("the server answers", || async {
            let request = api.request(reqwest::Method::POST, "/values").json(&json!({"index": "7"}));
            api.try_send(request).await
        })
        .await;
        assert_eq!(first.status, 200, "{first:?}; its log:\n{}", server.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_starts_even_if_its_database_does_not_respond() {
    let (postgres, redis) = (Postgres::shared(), Redis::start());
    let wire = Relay::to(postgres.port()).expect("there is a port");
    wire.hold();
    let settings = Settings::stack(&Database::create(), redis.port()).set("PGPORT", wire.port());
    let server = Server::start(&settings).await;
    let _ = server.api().get("/health/live").await.expect(200);
    let _ = server.api().post(&json!({"index": "7"})).await.expect_problem(503);
    wire.release();
    server.api().ready().await;
    server.api().submit(7).await;
}
