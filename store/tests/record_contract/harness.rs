//! Empty databases of both kinds, and helpers shared by the suite's files.

use std::{fmt::Debug, ops::Deref, sync::Arc};

use protocol::{Index, Outcome, WorkerId};
use store::{Completion, Password, PostgresConfig, PostgresRecord, Record, RecordError, SqliteRecord};
use throwaway::{Folder, Postgres};

/// A Record on an empty database of its own.
pub(crate) struct Subject {
    record: Arc<dyn Record>,
    place: Place,
}

enum Place {
    Postgres(PostgresConfig),
    Sqlite(Folder),
}

impl Subject {
    pub(crate) fn on_postgres() -> Self {
        Self::in_config(config_of(Postgres::shared(), &Postgres::shared().create_database().unwrap()))
    }

    pub(crate) fn in_config(config: PostgresConfig) -> Self {
        Self { record: Arc::new(PostgresRecord::new(&config)), place: Place::Postgres(config) }
    }

    pub(crate) fn on_sqlite() -> Self {
        let folder = Folder::new("sqlite").unwrap();
        // The folder does not exist yet, as at the first start.
        let record = SqliteRecord::new(&folder.path().join("data"));
        Self { record: Arc::new(record), place: Place::Sqlite(folder) }
    }

    /// The Record of another server on the same database.
    pub(crate) fn another(&self) -> Arc<dyn Record> {
        match &self.place {
            Place::Postgres(config) => Arc::new(PostgresRecord::new(config)),
            Place::Sqlite(folder) => Arc::new(SqliteRecord::new(&folder.path().join("data"))),
        }
    }

    /// The same Record, to move into tasks.
    pub(crate) fn share(&self) -> Arc<dyn Record> {
        Arc::clone(&self.record)
    }

    pub(crate) async fn prepared(self) -> Self {
        self.prepare().await.unwrap();
        self
    }
}

impl Deref for Subject {
    type Target = dyn Record;

    fn deref(&self) -> &Self::Target {
        self.record.as_ref()
    }
}

/// Runs each of these tests on both databases.
macro_rules! on_both {
    ($(async fn $name:ident($subject:ident: Subject) $body:block)+) => {
        $(async fn $name($subject: $crate::harness::Subject) $body)+

        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::harness::Subject::on_postgres()).await;
            })+
        }

        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name($crate::harness::Subject::on_sqlite()).await;
            })+
        }
    };
}
pub(crate) use on_both;

pub(crate) fn config_of(postgres: &Postgres, database: &str) -> PostgresConfig {
    PostgresConfig {
        host: postgres.host().to_owned(),
        port: postgres.port(),
        user: postgres.user().to_owned(),
        password: Some(Password::new(postgres.password())),
        database: Some(database.to_owned()),
        max_connections: 4,
        ..PostgresConfig::default()
    }
}

pub(crate) fn index(number: u32) -> Index {
    Index::try_from(number).unwrap()
}

pub(crate) fn numbers(entries: &[protocol::Entry]) -> Vec<u32> {
    entries.iter().map(|entry| entry.index.get()).collect()
}

/// A completion by one of our workers.
pub(crate) fn completion(value: &str) -> Completion {
    Completion {
        outcome: Outcome::of(value),
        worker: Some(WorkerId::new("worker-1")),
        announced_us: Some(3),
        claimed_us: Some(4),
        computed_us: Some(5),
        posted_us: Some(6),
        delivered_us: Some(7),
    }
}

pub(crate) fn assert_not_ready<T: Debug>(result: &Result<T, RecordError>) {
    assert!(matches!(result, Err(RecordError::NotReady)), "{result:?}");
}
