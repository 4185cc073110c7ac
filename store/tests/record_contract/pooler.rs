//! PostgreSQL behind a connection pooler.

use std::{sync::Arc, time::Duration};

use protocol::Status;
use sqlx::{Connection, Executor, PgConnection, Row, postgres::PgConnectOptions};
use store::{Adoption, Changes, Mark, PostgresConfig};
use throwaway::{PgBouncer, Postgres};

use crate::harness::{Subject, completion, config_of, index, numbers};

/// A pooler with few connections, so that its clients get each other's, and another client's settings are noticed.
fn pooler(settings: &[&str]) -> (PgBouncer, PostgresConfig) {
    let pooler = PgBouncer::start(Postgres::shared(), settings).unwrap();
    let database = Postgres::shared().create_database().unwrap();
    // A test's calls queue for few connections, and the machine may be busy.
    let timeout = Duration::from_secs(60);
    let config = PostgresConfig {
        port: pooler.port(),
        acquire_timeout: timeout,
        statement_timeout: timeout,
        ..config_of(Postgres::shared(), &database)
    };
    (pooler, config)
}

/// Two servers use the Record in every way, concurrently.
async fn works_through(settings: &[&str]) {
    let (pooler, config) = pooler(settings);
    let database = config.database.clone().unwrap();
    let original = "create table values (number int); insert into values values (1), (1), (-5)";
    Postgres::shared().execute(&database, original).unwrap();
    let first = Subject::in_config(config);
    let second = first.another();
    let (one, two) = tokio::join!(first.prepare(), second.prepare());
    let adoptions = [one.unwrap(), two.unwrap()];
    assert!(adoptions.contains(&Adoption { adopted: 1, duplicates: 1, ignored: 1 }), "{adoptions:?}");
    assert!(adoptions.contains(&Adoption::default()), "{adoptions:?}");

    let servers = [first.share(), second];
    let calls: Vec<_> = (2..62)
        .map(|number| {
            let server = Arc::clone(&servers[number as usize % 2]);
            tokio::spawn(async move {
                server.submit(index(number), 1).await.unwrap();
                server.check().await.unwrap();
                let reason = r"it's a \ in '$1' -- “quoted”; drop table indexes";
                let entry = server.set_reason(index(number), reason).await.unwrap().unwrap();
                assert_eq!(entry.reason.as_deref(), Some(reason));
                let entry = server.complete(index(number), &completion("13")).await.unwrap().unwrap();
                assert_eq!((entry.status, entry.index), (Status::Done, index(number)));
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap_or_else(|error| panic!("{error}; the pooler's log:\n{}", pooler.log()));
    }
    let record = &servers[0];
    assert_eq!(numbers(&record.adopt(&[index(7), index(500)]).await.unwrap()), [500]);
    assert_eq!(record.entries(&[index(1), index(7), index(999)]).await.unwrap().len(), 2);
    assert_eq!(numbers(&record.oldest(0, 1).await.unwrap()), [1]);
    assert_eq!(numbers(&record.newest(None, 1).await.unwrap()), [500]);
    assert_eq!(record.listed(0, 1_000).await.unwrap().len(), 62);
    assert_eq!(record.counts().await.unwrap().done, 60);
    assert!(record.give_up(index(500), "why").await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_works_with_its_default_settings() {
    works_through(&[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_works_in_every_mode() {
    for mode in ["session", "transaction", "statement"] {
        works_through(&[&format!("pool_mode = {mode}"), "default_pool_size = 9"]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_ignores_parameters_is_noticed() {
    let ignored = "ignore_startup_parameters = extra_float_digits, options";
    works_through(&["pool_mode = transaction", "default_pool_size = 3", ignored]).await;
}

#[tokio::test]
async fn the_settings_of_a_poolers_other_clients_do_not_affect_us() {
    let (pooler, config) = pooler(&["pool_mode = transaction", "default_pool_size = 1"]);
    let database = config.database.clone().unwrap();
    let record = Subject::in_config(config).prepared().await;
    record.submit(index(7), 1).await.unwrap();
    let through_pooler = Postgres::shared().url(&database);
    let through_pooler =
        through_pooler.replace(&format!(":{}/", Postgres::shared().port()), &format!(":{}/", pooler.port()));
    let mut other = PgConnection::connect_with(
        &through_pooler.parse::<PgConnectOptions>().unwrap().extra_float_digits(None),
    )
    .await
    .unwrap();
    // The same server session, since there is only one.
    let row = other.fetch_one("show statement_timeout").await.unwrap();
    assert_eq!(row.get::<String, _>(0), "0");
    other.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_added_while_the_server_is_running_is_noticed() {
    let relay = throwaway::Relay::to(Postgres::shared().port()).unwrap();
    let database = Postgres::shared().create_database().unwrap();
    let config = PostgresConfig { port: relay.port(), ..config_of(Postgres::shared(), &database) };
    let record = Subject::in_config(config).prepared().await;
    record.submit(index(7), 1).await.unwrap();
    let pooler = PgBouncer::start(Postgres::shared(), &["pool_mode = transaction"]).unwrap();
    relay.retarget(pooler.port());
    relay.cut();
    for number in 8..20 {
        record.submit(index(number), 1).await.unwrap();
    }
    assert_eq!(record.listed(0, 100).await.unwrap().len(), 13);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_are_found_through_a_pooler_also_after_a_restart_of_the_database_behind_it() {
    let mut postgres = Postgres::start().unwrap();
    let pooler = PgBouncer::start(&postgres, &["pool_mode = transaction"]).unwrap();
    let database = postgres.create_database().unwrap();
    let config = PostgresConfig { port: pooler.port(), ..config_of(&postgres, &database) };
    let record = Subject::in_config(config).prepared().await;
    record.submit(index(1), 1).await.unwrap();
    let changes = async |since: &Mark| loop {
        // The pooler refuses some statements while the database restarts.
        if let Ok((Some(mark), changes)) = record.changes(Some(since)).await {
            break (mark, changes);
        }
    };
    let (mark, _) = record.changes(None).await.unwrap();
    let position = record.submit(index(2), 1).await.unwrap().entry.position;
    let (mark, found) = changes(&mark.unwrap()).await;
    assert_eq!(found, Changes::Of(vec![(position, index(2))]));
    postgres.restart().unwrap();
    let (_, found) = changes(&mark).await;
    assert_eq!(found, Changes::Any);
    assert_eq!(record.listed(0, 10).await.unwrap().len(), 2);
}
