//! PostgreSQL whose defaults an administrator has changed, for the database or the role.

use std::{sync::Arc, time::Duration};

use store::{PostgresConfig, Record};
use throwaway::{PgBouncer, Postgres};

use crate::harness::{Subject, completion, config_of, index};

/// Defaults that would cost durability, make concurrent statements fail, or change how values are read or written.
const DEFAULTS: [&str; 14] = [
    "synchronous_commit = off",
    "default_transaction_isolation = serializable",
    "default_transaction_deferrable = on",
    "lock_timeout = 1",
    "idle_in_transaction_session_timeout = 1",
    "client_encoding = latin1",
    "standard_conforming_strings = off",
    "backslash_quote = off",
    "bytea_output = escape",
    "datestyle = 'German, DMY'",
    "intervalstyle = sql_standard",
    "timezone = 'Asia/Kathmandu'",
    "extra_float_digits = -15",
    "client_min_messages = error",
];

async fn works_with_changed_defaults(config: PostgresConfig) {
    let database = config.database.clone().unwrap();
    let execute = |statements: &str| Postgres::shared().execute(&database, statements).unwrap();
    for default in DEFAULTS {
        execute(&format!("alter database \"{database}\" set {default}"));
    }
    let servers: [Arc<dyn Record>; 2] = {
        let first = Subject::in_config(config);
        [first.share(), first.another()]
    };
    for server in &servers {
        server.prepare().await.unwrap();
    }
    execute(
        "create table seen (setting text);
        create function see() returns trigger language plpgsql as $$ begin
            insert into seen values (current_setting('synchronous_commit')); return new; end $$;
        create trigger see before insert or update on indexes for each row execute function see()",
    );
    // All of them change the same row.
    let calls: Vec<_> = (0..60)
        .map(|number| {
            let server = Arc::clone(&servers[number % 2]);
            tokio::spawn(async move { server.submit(index(7), 1).await.map(drop) })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    let reason = r"it's a \ “quoted” – reason";
    let entry = servers[0].set_reason(index(7), reason).await.unwrap().unwrap();
    assert_eq!((entry.reason.as_deref(), entry.times_submitted), (Some(reason), 60));
    servers[1].complete(index(7), &completion("13")).await.unwrap().unwrap();
    servers[1].check().await.unwrap();
    assert_eq!(execute("select distinct setting from seen").trim(), "on", "a crash would lose commits");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changed_defaults_of_the_database_do_not_affect_us() {
    let database = Postgres::shared().create_database().unwrap();
    works_with_changed_defaults(config_of(Postgres::shared(), &database)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changed_defaults_do_not_affect_us_through_a_pooler() {
    let pooler = PgBouncer::start(Postgres::shared(), &["pool_mode = transaction"]).unwrap();
    let database = Postgres::shared().create_database().unwrap();
    let timeout = Duration::from_secs(60);
    works_with_changed_defaults(PostgresConfig {
        port: pooler.port(),
        acquire_timeout: timeout,
        statement_timeout: timeout,
        ..config_of(Postgres::shared(), &database)
    })
    .await;
}
