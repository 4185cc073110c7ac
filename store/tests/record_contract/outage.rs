//! Outages of PostgreSQL: not started yet, crashed, or silent.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use sqlx::{Connection, Executor, PgConnection};
use store::{Password, PostgresConfig, RecordError, SslMode, Submission};
use throwaway::{Postgres, Relay, process::free_port};
use tokio::task::JoinHandle;

use crate::harness::{Subject, config_of, index, numbers};

/// Shortens the timeouts, to keep the suite fast.
fn with_short_timeouts(config: PostgresConfig) -> PostgresConfig {
    PostgresConfig {
        acquire_timeout: Duration::from_millis(500),
        statement_timeout: Duration::from_millis(500),
        ..config
    }
}

/// Asserts that a call fails by itself with a database error; returns the message.
async fn fails_in_time<T: std::fmt::Debug>(call: impl Future<Output = Result<T, RecordError>>) -> String {
    let started = Instant::now();
    let result = tokio::time::timeout(Duration::from_secs(20), call).await.expect("the call must not hang");
    let error = result.unwrap_err();
    assert!(matches!(error, RecordError::Database(_) | RecordError::Fault { .. }), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    error.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crashed_database_keeps_everything_accepted() {
    let mut postgres = Postgres::start().unwrap();
    let database = postgres.create_database().unwrap();
    let record = Subject::in_config(config_of(&postgres, &database)).prepared().await;
    for number in 0..20 {
        record.submit(index(number), 1).await.unwrap();
    }
    postgres.kill();
    fails_in_time(record.submit(index(20), 1)).await;
    fails_in_time(record.check()).await;
    fails_in_time(record.another().prepare()).await;

    postgres.restart().unwrap();
    record.check().await.unwrap();
    record.submit(index(20), 1).await.unwrap();
    assert_eq!(numbers(&record.oldest(0, 100).await.unwrap()), (0..=20).collect::<Vec<_>>());

    postgres.stop().unwrap();
    fails_in_time(record.oldest(0, 100)).await;
    postgres.restart().unwrap();
    assert_eq!(record.oldest(0, 100).await.unwrap().len(), 21);
}

#[tokio::test]
async fn a_server_started_before_its_database_is_ready_once_the_database_is() {
    let config = PostgresConfig { port: free_port().unwrap(), ..config_of(Postgres::shared(), "nothing") };
    fails_in_time(Subject::in_config(with_short_timeouts(config)).prepare()).await;

    let subject = Subject::in_config(config_of(Postgres::shared(), "created_later"));
    let message = fails_in_time(subject.prepare()).await;
    assert!(message.contains("“created_later” does not exist"), "{message}");
    let missing = subject.check().await.unwrap_err().to_string();
    assert_eq!(missing, message, "startup and readiness use the same words");
    Postgres::shared().execute("postgres", "create database created_later").unwrap();
    subject.prepare().await.unwrap();
    subject.check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_database_blocks_no_caller_and_is_used_again_once_it_responds() {
    let database = Postgres::shared().create_database().unwrap();
    let relay = Relay::to(Postgres::shared().port()).unwrap();
    let config = PostgresConfig { port: relay.port(), ..config_of(Postgres::shared(), &database) };
    let record = Subject::in_config(with_short_timeouts(config)).prepared().await;
    record.submit(index(7), 1).await.unwrap();
    relay.hold();
    // Three times as many concurrent calls as connections.
    let calls: Vec<_> = (0..12)
        .map(|_| {
            let record = record.share();
            tokio::spawn(async move { fails_in_time(record.submit(index(8), 1)).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    fails_in_time(record.check()).await;
    fails_in_time(record.another().prepare()).await;
    relay.release();
    record.submit(index(9), 1).await.unwrap();
    assert!(record.entry(index(7)).await.unwrap().is_some());
}

#[tokio::test]
async fn lost_connections_are_replaced() {
    let database = Postgres::shared().create_database().unwrap();
    let relay = Relay::to(Postgres::shared().port()).unwrap();
    let config = PostgresConfig { port: relay.port(), ..config_of(Postgres::shared(), &database) };
    let record = Subject::in_config(config).prepared().await;
    for number in 0..5 {
        record.submit(index(number), 1).await.unwrap();
        relay.cut();
    }
    assert_eq!(record.oldest(0, 10).await.unwrap().len(), 5);
}

/// A connection that locks the table.
struct Lock(PgConnection);

impl Lock {
    async fn on(database: &str) -> Self {
        let mut connection = PgConnection::connect(&Postgres::shared().url(database)).await.unwrap();
        connection.execute("begin; lock table indexes in access exclusive mode").await.unwrap();
        Self(connection)
    }

    async fn until_waiting(&mut self, statements: i64) {
        let waiting = "select count(*) from pg_locks where not granted and relation = 'indexes'::regclass";
        while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut self.0).await.unwrap() < statements {}
    }
}

#[tokio::test]
async fn the_database_cancels_a_statement_that_takes_too_long() {
    let database = Postgres::shared().create_database().unwrap();
    let record =
        Subject::in_config(with_short_timeouts(config_of(Postgres::shared(), &database))).prepared().await;
    let lock = Lock::on(&database).await;
    let message = fails_in_time(record.submit(index(7), 1)).await;
    assert!(message.contains("statement timeout"), "{message}");
    lock.0.close().await.unwrap();
    assert!(record.submit(index(7), 1).await.unwrap().first);
}

/// Returns a Record whose four connections were all busy when the database vanished silently.
async fn lose_the_database_while_busy() -> (Subject, Relay, Vec<JoinHandle<Result<Submission, RecordError>>>)
{
    let database = Postgres::shared().create_database().unwrap();
    let relay = Relay::to(Postgres::shared().port()).unwrap();
    let config = PostgresConfig {
        port: relay.port(),
        statement_timeout: Duration::from_secs(4),
        ..config_of(Postgres::shared(), &database)
    };
    let record = Subject::in_config(config).prepared().await;
    let mut lock = Lock::on(&database).await;
    let calls = (0..4)
        .map(|number| {
            let record = record.share();
            tokio::spawn(async move { record.submit(index(number), 1).await })
        })
        .collect();
    lock.until_waiting(4).await;
    relay.lose();
    lock.0.close().await.unwrap();
    (record, relay, calls)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_lost_while_all_connections_were_busy_is_used_again() {
    let (record, _relay, calls) = lose_the_database_while_busy().await;
    for call in calls {
        fails_in_time(async { call.await.unwrap() }).await;
    }
    record.submit(index(9), 1).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_caller_does_not_leak_its_connection() {
    let (record, _relay, calls) = lose_the_database_while_busy().await;
    for call in calls {
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
    }
    record.submit(index(9), 1).await.unwrap();
}

#[tokio::test]
async fn the_error_does_not_quote_a_wrong_password() {
    let config = PostgresConfig {
        password: Some(Password::new("hunter2")),
        ..config_of(Postgres::shared(), "postgres")
    };
    let message = fails_in_time(Subject::in_config(config).prepare()).await;
    assert!(message.contains("authentication failed for “postgres”"), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
}

#[tokio::test]
async fn a_connection_without_required_encryption_is_refused() {
    // The throwaway server has no TLS.
    for ssl_mode in [SslMode::Require, SslMode::VerifyCa, SslMode::VerifyFull] {
        let config = PostgresConfig { ssl_mode, ..config_of(Postgres::shared(), "postgres") };
        fails_in_time(Subject::in_config(config).prepare()).await;
    }
}
