//! The system with Postgres behind a connection pooler, and with a Postgres that becomes read-only.

use e2e::{Database, Redis, Server, Settings, Worker, eventually, expected};
use serde_json::json;
use throwaway::{PgBouncer, Postgres};

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_and_a_worker_work_through_a_pooler() {
    let (database, redis) = (Database::create(), Redis::start());
    let pooler = PgBouncer::start(Postgres::shared(), &["pool_mode = transaction", "default_pool_size = 3"])
        .unwrap_or_else(|error| panic!("{error}"));
    let settings = Settings::stack(&database, redis.port()).set("PGPORT", pooler.port());
    let (first, second) = tokio::join!(Server::start(&settings), Server::start(&settings));
    let _worker = Worker::start(&settings);
    for (number, server) in [&first, &second].into_iter().cycle().take(40).enumerate() {
        let index = u32::try_from(number).expect("it is small") * 50;
        server.api().submit(index).await;
    }
    for number in 0..40 {
        assert_eq!(second.api().value(number * 50).await, expected(number * 50));
    }
    assert!(first.log().contains("behind a connection pooler"), "{}", first.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_says_that_the_database_is_read_only() {
    let (postgres, redis) = (Postgres::start().unwrap_or_else(|error| panic!("{error}")), Redis::start());
    let settings = Settings::stack_on(&postgres, "postgres", redis.port());
    let server = Server::start(&settings).await;
    server.api().ready().await;
    server.api().submit(7).await;
    let set = |value: &str| {
        for statement in
            [&format!("alter system set default_transaction_read_only = {value}"), "select pg_reload_conf()"]
        {
            postgres.execute("postgres", statement).unwrap_or_else(|error| panic!("{error}"));
        }
    };
    set("on");
    eventually("readiness names the cause", || async {
        let answer = server.api().try_get("/health/ready").await.map_err(|error| error.to_string())?;
        let body: serde_json::Value = answer.json();
        let named = json!({"postgres": ["The database cannot be used: it is read-only."]});
        if answer.status == 503 && body["reasons"] == named { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
    // However often readiness is checked, the log has the cause once.
    let log = eventually("the log has the remedy", || async {
        let log = server.log();
        if log.contains("Turn default_transaction_read_only off") { Ok(log) } else { Err(log) }
    })
    .await;
    assert_eq!(log.matches("readiness check failed").count(), 1, "{log}");
    let answer = server.api().try_get("/health/ready").await.unwrap();
    assert_eq!(answer.status, 503);
    set("off");
    server.api().ready().await;
    eventually("the log has the end of the outage", || async {
        let log = server.log();
        if log.contains("database is working again") { Ok(()) } else { Err(log) }
    })
    .await;
    assert_eq!(server.log().matches("readiness check failed").count(), 1, "{}", server.log());
    server.api().submit(8).await;
}
