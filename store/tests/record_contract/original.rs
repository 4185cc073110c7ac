//! The original system's table `values`: adopted, and its statements still work.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI32, Ordering},
};

use protocol::{Revision, Status};
use sqlx::{Connection, Executor, PgConnection, Row};
use store::{Adoption, Password, PostgresConfig};
use throwaway::Postgres;

use crate::harness::{Subject, completion, config_of, index, numbers};

const CREATE: &str = "CREATE TABLE IF NOT EXISTS values (number INT)";
const INSERT: &str = "INSERT INTO values(number) VALUES($1)";
const SELECT: &str = "SELECT * from values";

/// Creates a database as the original left it, and a Record on it that has not been prepared yet.
fn original_database(statements: &str) -> (Subject, String) {
    let database = Postgres::shared().create_database().unwrap();
    Postgres::shared().execute(&database, statements).unwrap();
    (Subject::in_config(config_of(Postgres::shared(), &database)), database)
}

async fn original_server(database: &str) -> PgConnection {
    let mut connection = PgConnection::connect(&Postgres::shared().url(database)).await.unwrap();
    connection.execute(CREATE).await.unwrap();
    connection
}

async fn selected(connection: &mut PgConnection) -> Vec<i32> {
    sqlx::query(SELECT).fetch_all(connection).await.unwrap().iter().map(|row| row.get("number")).collect()
}

async fn insert(connection: &mut PgConnection, number: Option<i32>) {
    let inserted = sqlx::query(INSERT).bind(number).execute(connection).await.unwrap();
    assert_eq!(inserted.rows_affected(), 1);
}

#[tokio::test]
async fn the_table_is_adopted_in_order_counting_duplicates_and_ignoring_invalid_rows() {
    let (subject, database) = original_database(
        "create table values (number int);
        insert into values values (7), (3), (7), (-5), (null), (2147483647), (0), (7), (-5)",
    );
    let adoption = subject.prepare().await.unwrap();
    assert_eq!(adoption, Adoption { adopted: 4, duplicates: 2, ignored: 3 });
    let entries = subject.oldest(0, 10).await.unwrap();
    assert_eq!(numbers(&entries), [7, 3, 2_147_483_647, 0]);
    let times: Vec<u64> = entries.iter().map(|entry| entry.times_submitted).collect();
    assert_eq!(times, [3, 1, 1, 1]);
    for entry in &entries {
        assert_eq!((entry.status, entry.revision), (Status::Pending, Revision::recorded(1)));
        assert!(entry.timeline.recorded_us.is_some() && entry.timeline.accepted_us.is_none());
    }
    let kept = Postgres::shared().execute(&database, "select count(*) from original_values").unwrap();
    assert_eq!(kept, "9", "the original rows are kept");
    assert_eq!(subject.another().prepare().await.unwrap(), Adoption::default(), "reported once");
    assert!(!subject.submit(index(3), 1).await.unwrap().first);
}

#[tokio::test]
async fn an_empty_table_and_columns_of_other_types_are_adopted() {
    for (column, rows, expected) in [
        ("integer", "", Adoption::default()),
        ("smallint", "(7), (-1)", Adoption { adopted: 1, duplicates: 0, ignored: 1 }),
        (
            "bigint primary key",
            "(7), (2147483648), (9223372036854775807)",
            Adoption { adopted: 1, duplicates: 0, ignored: 2 },
        ),
        ("numeric", "(7), (5.9), (1e30), (7)", Adoption { adopted: 1, duplicates: 1, ignored: 2 }),
        ("text", "('7'), ('007'), ('3abc'), ('')", Adoption { adopted: 1, duplicates: 0, ignored: 3 }),
    ] {
        let rows = if rows.is_empty() { String::new() } else { format!("insert into values values {rows}") };
        let (subject, database) =
            original_database(&format!("create table values (number {column}); {rows}"));
        assert_eq!(subject.prepare().await.unwrap(), expected, "{column}");
        // An insert that is not an index still succeeds, whatever the column's type.
        insert(&mut original_server(&database).await, Some(-9)).await;
    }
}

#[tokio::test]
async fn only_one_of_many_starting_servers_reports_the_adoption() {
    let (subject, _) = original_database("create table values (number int); insert into values values (7)");
    let starts: Vec<_> = (0..6)
        .map(|_| {
            let server = subject.another();
            tokio::spawn(async move { server.prepare().await.unwrap() })
        })
        .collect();
    let mut reported = Vec::new();
    for start in starts {
        reported.push(start.await.unwrap());
    }
    reported.retain(|adoption| *adoption != Adoption::default());
    assert_eq!(reported, [Adoption { adopted: 1, duplicates: 0, ignored: 0 }]);
}

#[tokio::test]
async fn a_table_that_is_not_the_originals_prevents_startup_with_an_explanation() {
    for (statements, named) in [
        ("create table values (amount int)", "no table with a column “number”"),
        ("create view values as select 1 as number", "no table with a column “number”"),
        (
            "create table values (number int); create table original_values ()",
            "“original_values” already exists",
        ),
    ] {
        let (subject, _) = original_database(statements);
        let message = subject.prepare().await.unwrap_err().to_string();
        assert!(message.contains(named), "{statements}: {message}");
    }
}

#[tokio::test]
async fn the_original_servers_statements_still_work() {
    let (subject, database) = original_database("");
    let record = subject.prepared().await;
    let mut original = original_server(&database).await;
    insert(&mut original, Some(7)).await;
    record.submit(index(3), 1).await.unwrap();
    for number in [7, 3] {
        insert(&mut original, Some(number)).await;
    }
    assert_eq!(selected(&mut original).await, [7, 3]);
    let seven = record.entry(index(7)).await.unwrap().unwrap();
    assert_eq!((seven.times_submitted, seven.revision), (2, Revision::recorded(2)));
    assert!(seven.timeline.accepted_us.is_some() && seven.timeline.recorded_us.is_some());
    assert_eq!(record.entry(index(3)).await.unwrap().unwrap().times_submitted, 2);

    let returned = sqlx::query("INSERT INTO values(number) VALUES($1) RETURNING *")
        .bind(8)
        .fetch_one(&mut original)
        .await
        .unwrap();
    assert_eq!(returned.get::<i32, _>("number"), 8);
}

#[tokio::test]
async fn an_insert_keeps_a_done_entry_and_retries_a_failed_one() {
    let (subject, database) = original_database("");
    let record = subject.prepared().await;
    let mut original = original_server(&database).await;
    for number in [7, 8] {
        insert(&mut original, Some(number)).await;
    }
    record.complete(index(7), &completion("13")).await.unwrap().unwrap();
    record.give_up(index(8), "why").await.unwrap().unwrap();
    for number in [7, 8] {
        insert(&mut original, Some(number)).await;
    }
    let done = record.entry(index(7)).await.unwrap().unwrap();
    assert_eq!((done.status, done.revision), (Status::Done, Revision::recorded(3)));
    let again = record.entry(index(8)).await.unwrap().unwrap();
    assert_eq!((again.status, again.reason), (Status::Pending, None));
    assert_eq!(again.revision, Revision::recorded(3));
}

#[tokio::test]
async fn an_insert_of_an_invalid_index_succeeds_but_is_never_listed() {
    let (subject, database) = original_database("");
    let record = subject.prepared().await;
    let mut original = original_server(&database).await;
    for number in [Some(-5), None, Some(7)] {
        insert(&mut original, number).await;
    }
    assert_eq!(selected(&mut original).await, [7]);
    assert_eq!(numbers(&record.oldest(0, 10).await.unwrap()), [7]);
    let aside = Postgres::shared().execute(&database, "select count(*) from original_values").unwrap();
    assert_eq!(aside, "2");
}

#[tokio::test]
async fn the_view_rejects_updates_and_deletes() {
    let (subject, database) =
        original_database("create table values (number int); insert into values values (7)");
    let record = subject.prepared().await;
    for statement in ["delete from values", "update values set number = 8", "truncate values"] {
        assert!(Postgres::shared().execute(&database, statement).is_err(), "{statement}");
    }
    assert_eq!(numbers(&record.oldest(0, 10).await.unwrap()), [7]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_adoption_does_not_disturb_a_running_original_server() {
    let (subject, database) = original_database(CREATE);
    let (stop, inserted) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI32::new(0)));
    let work = tokio::spawn({
        let (stop, inserted, mut original) =
            (Arc::clone(&stop), Arc::clone(&inserted), original_server(&database).await);
        async move {
            // Runs the same prepared statement before, during and after the adoption.
            while !stop.load(Ordering::Relaxed) {
                insert(&mut original, Some(inserted.load(Ordering::Relaxed) % 50)).await;
                inserted.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let until = |wanted: i32| {
        let inserted = Arc::clone(&inserted);
        async move {
            while inserted.load(Ordering::Relaxed) < wanted {
                tokio::task::yield_now().await;
            }
        }
    };
    until(100).await;
    let adoption = subject.prepare().await.unwrap();
    assert_eq!(adoption.adopted, 50);
    until(inserted.load(Ordering::Relaxed) + 100).await;
    stop.store(true, Ordering::Relaxed);
    work.await.unwrap();
    let entries = subject.oldest(0, 100).await.unwrap();
    assert_eq!(numbers(&entries), (0..50).collect::<Vec<_>>());
    let times: u64 = entries.iter().map(|entry| entry.times_submitted).sum();
    assert_eq!(times, u64::try_from(inserted.load(Ordering::Relaxed)).unwrap(), "each insert counts once");
}

#[tokio::test]
async fn a_role_that_owns_its_database_needs_no_other_privileges() {
    let postgres = Postgres::shared();
    let database = postgres.create_database().unwrap();
    let role = format!("owner_of_{database}");
    postgres
        .execute(
            &database,
            &format!(
                "create role {role} login password 's3cret';
                alter database {database} owner to {role};
                set role {role};
                create table values (number int);
                insert into values values (7)"
            ),
        )
        .unwrap();
    let config = PostgresConfig {
        user: role.clone(),
        password: Some(Password::new("s3cret")),
        ..config_of(postgres, &database)
    };
    let subject = Subject::in_config(config);
    assert_eq!(subject.prepare().await.unwrap().adopted, 1);
    subject.submit(index(8), 1).await.unwrap();
    // Another client, whose search path does not contain our schema.
    let elsewhere = "create schema elsewhere; set search_path = elsewhere;
        insert into public.values(number) values (9), (-1)";
    postgres.execute(&database, elsewhere).unwrap();
    assert_eq!(numbers(&subject.oldest(0, 10).await.unwrap()), [7, 8, 9]);
}

#[tokio::test]
async fn a_table_in_public_is_found_by_a_role_with_a_schema_of_its_own() {
    let postgres = Postgres::shared();
    // `"$user", public` is the default search path.
    let (subject, database) = original_database(
        "create table public.values (number int); insert into values values (7); create schema postgres",
    );
    assert_eq!(subject.prepare().await.unwrap().adopted, 1);
    for statement in ["insert into values values (8), (-1)", "insert into public.values values (9), (null)"] {
        postgres.execute(&database, statement).unwrap();
    }
    assert_eq!(numbers(&subject.oldest(0, 10).await.unwrap()), [7, 8, 9]);
}
