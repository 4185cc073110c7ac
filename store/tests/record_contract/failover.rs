//! PostgreSQL servers that stop accepting writes while their connections stay open.

use store::{DatabaseFault, PostgresConfig, Record, RecordError};
use throwaway::{Postgres, Relay};

use crate::harness::{Subject, config_of, index};

/// The fault that a check finds.
async fn fault_of(record: &dyn Record) -> DatabaseFault {
    match record.check().await {
        Err(RecordError::Fault { fault }) => fault,
        other => panic!("not a fault: {other:?}"),
    }
}

/// Fills the pool: as many concurrent submissions as it has connections.
async fn fill_the_pool(record: &Subject) {
    let calls: Vec<_> = (0..16)
        .map(|number| {
            let record = record.share();
            tokio::spawn(async move { record.submit(index(number), 1).await.unwrap() })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_to_a_demoted_server_are_replaced_before_a_submission_is_refused() {
    let (old, new) = (Postgres::start().unwrap(), Postgres::start().unwrap());
    let databases = [old.create_database().unwrap(), new.create_database().unwrap()];
    assert_eq!(databases[0], databases[1]);
    let relay = Relay::to(old.port()).unwrap();
    let config = PostgresConfig { port: relay.port(), ..config_of(&old, &databases[0]) };
    let record = Subject::in_config(config).prepared().await;
    let new_record = Subject::in_config(config_of(&new, &databases[1])).prepared().await;
    fill_the_pool(&record).await;
    // The name moves, the old server becomes read-only, and no connection is closed.
    relay.retarget(new.port());
    old.execute("postgres", "alter system set default_transaction_read_only = on").unwrap();
    old.execute("postgres", "select pg_reload_conf()").unwrap();
    while old.execute("postgres", "show default_transaction_read_only").unwrap() != "on" {}
    for number in 100..140 {
        record.submit(index(number), 1).await.unwrap();
    }
    record.check().await.unwrap();
    assert_eq!(new_record.counts().await.unwrap().pending, 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promoted_standby_is_found_and_a_standby_is_reported() {
    let mut primary = Postgres::start().unwrap();
    let database = primary.create_database().unwrap();
    let relay = Relay::to(primary.port()).unwrap();
    let config = PostgresConfig { port: relay.port(), ..config_of(&primary, &database) };
    let record = Subject::in_config(config).prepared().await;
    fill_the_pool(&record).await;
    let standby = primary.standby().unwrap();
    while standby.execute(&database, "select count(*) from indexes").unwrap() != "16" {}
    relay.retarget(standby.port());
    relay.cut();
    assert!(record.submit(index(100), 1).await.is_err());
    assert_eq!(fault_of(&*record).await, DatabaseFault::ReadOnly { standby: true });
    // It can still be read.
    assert_eq!(record.listed(0, 100).await.unwrap().len(), 16);
    primary.kill();
    standby.promote().unwrap();
    record.submit(index(100), 1).await.unwrap();
    record.check().await.unwrap();
}

#[tokio::test]
async fn a_read_only_setting_is_reported_until_it_is_reset() {
    let postgres = Postgres::shared();
    let database = postgres.create_database().unwrap();
    let record = Subject::in_config(config_of(postgres, &database)).prepared().await;
    postgres
        .execute("postgres", &format!("alter database {database} set default_transaction_read_only = on"))
        .unwrap();
    let later = record.another();
    let refused = later.prepare().await.unwrap_err().to_string();
    assert!(
        refused.starts_with("the database is read-only: default_transaction_read_only is on. "),
        "{refused}"
    );
    postgres.execute("postgres", &format!("alter database {database} reset all")).unwrap();
    later.prepare().await.unwrap();
    later.submit(index(8), 1).await.unwrap();
}

#[tokio::test]
async fn a_revoked_privilege_is_reported() {
    let postgres = Postgres::shared();
    let database = postgres.create_database().unwrap();
    let config = config_of(postgres, &database);
    Subject::in_config(config.clone()).prepared().await;
    let user = format!("limited_in_{database}");
    let execute = |statements: String| postgres.execute(&database, &statements).unwrap();
    execute(format!("create role {user} login password 'x'"));
    let limited = PostgresConfig { user: user.clone(), password: Some(store::Password::new("x")), ..config };
    let record = Subject::in_config(limited);
    execute(format!("grant select on _sqlx_migrations to {user}"));
    let denied = |table: &str| DatabaseFault::TableDenied { user: user.clone(), table: table.to_owned() };
    for table in ["indexes", "adoption", "write_check"] {
        let refused = record.prepare().await;
        assert!(
            matches!(&refused, Err(RecordError::Fault { fault }) if *fault == denied(table)),
            "{refused:?}"
        );
        execute(format!("grant select, insert, update on {table} to {user}"));
    }
    // It needs no privilege to create tables, since none is missing.
    record.prepare().await.unwrap();
    record.submit(index(7), 1).await.unwrap();
    record.check().await.unwrap();
    execute(format!("revoke insert on indexes from {user}"));
    assert_eq!(fault_of(&*record).await, denied("indexes"));
    execute(format!("grant insert on indexes to {user}"));
    record.check().await.unwrap();
}

#[tokio::test]
async fn whatever_rejects_submissions_fails_the_check() {
    let postgres = Postgres::shared();
    let database = postgres.create_database().unwrap();
    let owner = format!("owner_of_{database}");
    let execute = |statements: &str| postgres.execute(&database, statements).unwrap();
    execute(&format!("create role {owner} login password 'x'; alter database {database} owner to {owner}"));
    let config = PostgresConfig {
        user: owner,
        password: Some(store::Password::new("x")),
        ..config_of(postgres, &database)
    };
    let record = Subject::in_config(config).prepared().await;
    record.check().await.unwrap();
    for (change, cause, undo) in [
        (
            "alter table indexes enable row level security, force row level security",
            "row-level security policy",
            "alter table indexes disable row level security",
        ),
        (
            "create function refuse() returns trigger language plpgsql as $$ begin raise 'closed'; end $$;
            create trigger refuse before insert on indexes for each row execute function refuse()",
            "closed",
            "drop trigger refuse on indexes",
        ),
        (
            "alter table indexes add extra int not null",
            "null value in column \"extra\"",
            "alter table indexes drop extra",
        ),
        (
            "alter sequence indexes_position_seq maxvalue 50; select setval('indexes_position_seq', 50)",
            "reached maximum value of sequence",
            "alter sequence indexes_position_seq no maxvalue",
        ),
        (
            "alter table indexes rename reason to why",
            "column \"reason\" does not exist",
            "alter table indexes rename why to reason",
        ),
    ] {
        execute(change);
        assert!(record.submit(index(7), 1).await.is_err(), "{change}");
        let fault = fault_of(&*record).await.to_string();
        assert!(fault.contains(cause), "{change}: {fault}");
        execute(undo);
        record.prepare().await.unwrap();
        record.check().await.unwrap();
    }
    record.submit(index(7), 1).await.unwrap();
    assert_eq!(record.listed(0, 10).await.unwrap().len(), 1, "the check left an entry behind");
}

#[tokio::test]
async fn a_schema_without_usage_is_reported_as_such() {
    let postgres = Postgres::shared();
    let database = postgres.create_database().unwrap();
    let user = format!("unused_in_{database}");
    let statements =
        format!("create role {user} login password 'x'; revoke all on schema public from public");
    postgres.execute(&database, &statements).unwrap();
    let password = Some(store::Password::new("x"));
    let config = PostgresConfig { user: user.clone(), password, ..config_of(postgres, &database) };
    let denied = DatabaseFault::CreateDenied { user, database, schema: "public".to_owned() };
    assert!(denied.remedy().contains("grant create, usage on schema \"public\""));
    assert_eq!(fault_of(&*Subject::in_config(config)).await, denied);
}

#[tokio::test]
async fn the_roles_statement_timeout_does_not_limit_the_adoption() {
    let postgres = Postgres::shared();
    let database = postgres.create_database().unwrap();
    let user = format!("hasty_in_{database}");
    postgres
        .execute(
            &database,
            &format!(
                "create role {user} login password 'x'; alter role {user} set statement_timeout = 1;
                alter database {database} owner to {user};
                create table values (number int); alter table values owner to {user};
                insert into values select generate_series(1, 20000)"
            ),
        )
        .unwrap();
    let config =
        PostgresConfig { user, password: Some(store::Password::new("x")), ..config_of(postgres, &database) };
    assert_eq!(Subject::in_config(config).prepare().await.unwrap().adopted, 20_000);
}

#[tokio::test]
async fn a_changed_password_and_exhausted_connections_are_reported() {
    let postgres = Postgres::shared();
    let database = postgres.create_database().unwrap();
    let user = format!("user_of_{database}");
    let execute = |statements: &str| postgres.execute(&database, statements).unwrap();
    execute(&format!("create role {user} login password 'x'; alter database {database} owner to {user}"));
    let config = PostgresConfig {
        user: user.clone(),
        password: Some(store::Password::new("x")),
        acquire_timeout: std::time::Duration::from_secs(1),
        ..config_of(postgres, &database)
    };
    let record = Subject::in_config(config).prepared().await;
    execute(&format!(
        "alter role {user} password 'y' connection limit 0;
        select pg_terminate_backend(pid) from pg_stat_activity where usename = '{user}'"
    ));
    let failed = DatabaseFault::AuthenticationFailed { user: user.clone(), password_set: true };
    assert_eq!(fault_of(&*record).await, failed);
    execute(&format!("alter role {user} password 'x'"));
    let fault = fault_of(&*record).await;
    assert!(matches!(fault, DatabaseFault::TooManyConnections { .. }), "{fault:?}");
    execute(&format!("alter role {user} connection limit -1"));
    record.check().await.unwrap();
}

#[tokio::test]
async fn a_database_that_was_created_again_must_be_prepared_again() {
    let postgres = Postgres::shared();
    let database = postgres.create_database().unwrap();
    let record = Subject::in_config(config_of(postgres, &database)).prepared().await;
    record.submit(index(7), 1).await.unwrap();
    postgres.execute("postgres", &format!("drop database {database} with (force)")).unwrap();
    assert_eq!(fault_of(&*record).await, DatabaseFault::NoDatabase { database: database.clone() });
    postgres.execute("postgres", &format!("create database {database}")).unwrap();
    assert!(record.submit(index(8), 1).await.is_err());
    assert!(matches!(record.submit(index(8), 1).await, Err(RecordError::NotReady)));
    record.prepare().await.unwrap();
    record.submit(index(8), 1).await.unwrap();
}
