//! Of each thing that may be wrong with a database, the diagnosis says which it is.

// In a test, a failed unwrap is the message.
#![allow(clippy::unwrap_used)]

use std::{net::TcpListener, path::Path, thread};

use store::{
    Fault, Password, PostgresConfig, PostgresRecord, Record, SCHEMA_VERSION, SslMode, Step, diagnose,
};
use throwaway::{Folder, Postgres, certificates, process::free_port};

const SECRET: &str = "hunter2";

fn config(postgres: &Postgres, database: &str) -> PostgresConfig {
    PostgresConfig {
        host: postgres.host().to_owned(),
        port: postgres.port(),
        user: postgres.user().to_owned(),
        database: Some(database.to_owned()),
        password: Some(Password::new(postgres.password())),
        ..PostgresConfig::default()
    }
}

/// On an empty database.
fn working() -> PostgresConfig {
    let postgres = Postgres::shared();
    config(postgres, &postgres.create_database().unwrap())
}

/// The steps that were right, and what was found.
async fn examine(config: &PostgresConfig) -> (Vec<(Step, String)>, Result<(), Fault>) {
    let mut right = Vec::new();
    let end = diagnose(config, |step, found| right.push((step, found.to_owned()))).await;
    for text in right.iter().map(|(_, found)| found.clone()).chain(end.as_ref().err().map(Fault::to_string)) {
        assert!(!text.contains(SECRET), "a password is shown: {text}");
    }
    (right, end)
}

/// Expects a fault at this step, after those before it were right, in these words.
async fn faulty(config: &PostgresConfig, step: Step, words: &[&str]) {
    let (right, end) = examine(config).await;
    let fault = end.unwrap_err();
    assert_eq!(fault.step, step, "{fault}");
    let all = [Step::Name, Step::Port, Step::Tls, Step::User, Step::Database, Step::Permission, Step::Schema];
    let before = all.into_iter().filter(|it| *it < step).collect::<Vec<_>>();
    assert_eq!(right.iter().map(|(step, _)| *step).collect::<Vec<_>>(), before, "{fault}");
    for word in words {
        assert!(fault.to_string().contains(word), "{word} is missing: {fault}");
    }
}

#[tokio::test]
async fn where_all_is_right_each_step_says_what_it_found() {
    let config = working();
    let (right, end) = examine(&config).await;
    assert_eq!(end, Ok(()));
    let found = |step| right.iter().find(|(it, _)| *it == step).map(|(_, found)| found.as_str()).unwrap();
    assert_eq!(found(Step::Name), "127.0.0.1");
    assert_eq!(found(Step::Tls), "none: the server has no TLS");
    assert!(found(Step::Database).starts_with(config.database.as_deref().unwrap()));
    assert!(found(Step::Schema).starts_with("none yet"), "{right:?}");

    let record = PostgresRecord::new(&config);
    assert_eq!(record.schema_version().await.unwrap(), None);
    record.prepare().await.unwrap();
    assert_eq!(record.schema_version().await.unwrap(), Some(SCHEMA_VERSION));
    let (right, end) = examine(&config).await;
    assert_eq!(end, Ok(()));
    assert_eq!(right.last().unwrap().1, format!("version {SCHEMA_VERSION}"));
}

#[tokio::test]
async fn a_wrong_host_is_a_name_that_is_not_known() {
    // No name of this kind exists (RFC 6761).
    let config = PostgresConfig { host: "nowhere.invalid".to_owned(), ..working() };
    faulty(&config, Step::Name, &["“nowhere.invalid”", "PGHOST"]).await;
}

#[tokio::test]
async fn a_wrong_port_is_where_nobody_or_somebody_else_listens() {
    let config = PostgresConfig { port: free_port().unwrap(), ..working() };
    faulty(&config, Step::Port, &["nobody listens there", &config.port.to_string(), "PGPORT"]).await;
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = PostgresConfig { port: other.local_addr().unwrap().port(), ..config };
    // It hangs up.
    let other = thread::spawn(move || other.accept().map(drop));
    let (right, end) = examine(&config).await;
    let fault = end.unwrap_err();
    assert_eq!((fault.step, right.last().unwrap().0), (Step::Port, Step::Port), "{fault}");
    assert!(fault.to_string().contains("does not answer as Postgres does"), "{fault}");
    other.join().unwrap().unwrap();
}

#[tokio::test]
async fn a_wrong_password_is_not_shown() {
    let wrong = PostgresConfig { password: Some(Password::new(SECRET)), ..working() };
    faulty(&wrong, Step::User, &["“postgres” is not let in", "PGPASSWORD"]).await;
    let none = PostgresConfig { password: None, ..working() };
    faulty(&none, Step::User, &["No password is set"]).await;
    let nobody = PostgresConfig { user: "nobody".to_owned(), ..working() };
    faulty(&nobody, Step::User, &["“nobody” is not let in"]).await;
}

#[tokio::test]
async fn a_database_that_is_not_there_is_named() {
    let config = PostgresConfig { database: Some("elsewhere".to_owned()), ..working() };
    faulty(&config, Step::Database, &["no database “elsewhere”", "cargo xtask db create"]).await;
}

#[tokio::test]
async fn a_user_that_may_not_make_tables_is_told_how_to_let_it() {
    let config = working();
    let database = config.database.as_deref().unwrap();
    let role = format!("reader_of_{database}");
    Postgres::shared().execute(database, &format!("create role {role} login password '{SECRET}'")).unwrap();
    let reader =
        PostgresConfig { user: role.clone(), password: Some(Password::new(SECRET)), ..config.clone() };
    faulty(&reader, Step::Permission, &["may not make tables in the schema public", "grant create"]).await;
}

#[tokio::test]
async fn tls_that_the_server_does_not_have_is_missed() {
    for mode in [SslMode::Require, SslMode::VerifyFull] {
        let config = PostgresConfig { ssl_mode: mode, ..working() };
        faulty(&config, Step::Tls, &["the server has no TLS", mode.as_str()]).await;
    }
}

fn with_tls(names: &str) -> (Postgres, Folder) {
    let folder = Folder::new("certificates").unwrap();
    certificates::make(folder.path(), names).unwrap();
    let mut postgres = Postgres::start().unwrap();
    postgres.require_tls(folder.path()).unwrap();
    (postgres, folder)
}

fn verifying(postgres: &Postgres, authority: Option<&Path>) -> PostgresConfig {
    PostgresConfig {
        ssl_mode: SslMode::VerifyFull,
        ssl_root_cert: authority.map(Path::to_owned),
        ..config(postgres, "postgres")
    }
}

#[tokio::test]
async fn an_authority_is_trusted_when_it_is_in_the_file() {
    let (postgres, folder) = with_tls("IP:127.0.0.1");
    let authority = folder.path().join("ca.pem");
    let config = verifying(&postgres, Some(&authority));
    let (right, end) = examine(&config).await;
    assert_eq!(end, Ok(()));
    assert!(right.contains(&(Step::Tls, "verify-full".to_owned())), "{right:?}");

    let unknown = verifying(&postgres, None);
    faulty(&unknown, Step::Tls, &["an authority that is not trusted", "Set PGSSLROOTCERT"]).await;
    // Of somebody else.
    let other = Folder::new("certificates").unwrap();
    certificates::make(other.path(), "IP:127.0.0.1").unwrap();
    let wrong = verifying(&postgres, Some(&other.path().join("ca.pem")));
    faulty(&wrong, Step::Tls, &["that authority is not in it"]).await;
    let missing = verifying(&postgres, Some(Path::new("/nowhere.pem")));
    faulty(&missing, Step::Tls, &["PGSSLROOTCERT is /nowhere.pem"]).await;

    let without = PostgresConfig { ssl_mode: SslMode::Disable, ..config };
    faulty(&without, Step::Tls, &["takes nobody without TLS", "verify-full"]).await;
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let (postgres, folder) = with_tls("DNS:db.example.org");
    let config = verifying(&postgres, Some(&folder.path().join("ca.pem")));
    faulty(&config, Step::Tls, &["for another name than “127.0.0.1”", "PGHOST"]).await;
}
