//! The diagnosis identifies each possible fault of a database.

// In a test, the panic message of a failed unwrap is enough.
#![allow(clippy::unwrap_used)]

use std::{net::TcpListener, path::Path, thread};

use store::{
    CertificateFault, DatabaseCheck, DatabaseFault, Password, PostgresConfig, PostgresRecord, Record,
    SCHEMA_VERSION, SslMode, diagnose,
};
use throwaway::{Folder, PgBouncer, Postgres, certificates, process::free_port};

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

/// Settings for a new, empty database.
fn working() -> PostgresConfig {
    let postgres = Postgres::shared();
    config(postgres, &postgres.create_database().unwrap())
}

/// Runs the diagnosis; returns the checks that passed, with their findings, and the outcome.
async fn examine(config: &PostgresConfig) -> (Vec<(DatabaseCheck, String)>, Result<(), DatabaseFault>) {
    let mut passed = Vec::new();
    let outcome = diagnose(config, |check, found| passed.push((check, found.to_owned()))).await;
    let texts = passed.iter().map(|(_, found)| found.clone());
    for text in texts.chain(outcome.as_ref().err().map(DatabaseFault::to_string)) {
        assert!(!text.contains(SECRET), "a password is shown: {text}");
    }
    (passed, outcome)
}

/// Asserts that the diagnosis finds this fault after all earlier checks passed.
async fn assert_fault(config: &PostgresConfig, expected: &DatabaseFault) {
    let (passed, outcome) = examine(config).await;
    assert_eq!(outcome.unwrap_err(), *expected);
    let all = [
        DatabaseCheck::Name,
        DatabaseCheck::Port,
        DatabaseCheck::Tls,
        DatabaseCheck::User,
        DatabaseCheck::Database,
        DatabaseCheck::Permission,
        DatabaseCheck::Schema,
    ];
    let before = all.into_iter().filter(|check| *check < expected.check()).collect::<Vec<_>>();
    assert_eq!(passed.iter().map(|(check, _)| *check).collect::<Vec<_>>(), before, "{expected}");
}

#[tokio::test]
async fn each_passed_check_reports_what_it_found() {
    let config = working();
    let (passed, outcome) = examine(&config).await;
    assert_eq!(outcome, Ok(()));
    let found = |check| passed.iter().find(|(it, _)| *it == check).map(|(_, found)| found.as_str()).unwrap();
    assert_eq!(found(DatabaseCheck::Name), "127.0.0.1");
    assert_eq!(found(DatabaseCheck::Tls), "none: the server does not support TLS");
    assert!(found(DatabaseCheck::Database).starts_with(config.database.as_deref().unwrap()));
    assert!(found(DatabaseCheck::Schema).starts_with("none yet"), "{passed:?}");

    let record = PostgresRecord::new(&config);
    assert_eq!(record.schema_version().await.unwrap(), None);
    record.prepare().await.unwrap();
    assert_eq!(record.schema_version().await.unwrap(), Some(SCHEMA_VERSION));
    let (passed, outcome) = examine(&config).await;
    assert_eq!(outcome, Ok(()));
    assert_eq!(passed.last().unwrap().1, format!("version {SCHEMA_VERSION}"));
}

#[tokio::test]
async fn an_unknown_host_is_reported() {
    // Names under this domain never exist (RFC 6761).
    let config = PostgresConfig { host: "nowhere.invalid".to_owned(), ..working() };
    let (passed, outcome) = examine(&config).await;
    let fault = outcome.unwrap_err();
    assert!(matches!(&fault, DatabaseFault::UnknownHost { host, .. } if *host == config.host), "{fault}");
    assert_eq!((passed.len(), fault.check()), (0, DatabaseCheck::Name));
}

#[tokio::test]
async fn a_closed_port_and_another_program_on_the_port_are_distinguished() {
    let config = PostgresConfig { port: free_port().unwrap(), ..working() };
    let refused = DatabaseFault::Refused { addresses: "127.0.0.1".to_owned(), port: config.port };
    assert_fault(&config, &refused).await;
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = PostgresConfig { port: other.local_addr().unwrap().port(), ..config };
    // This program closes the connection.
    let other = thread::spawn(move || other.accept().map(drop));
    let (passed, outcome) = examine(&config).await;
    let fault = outcome.unwrap_err();
    assert!(matches!(fault, DatabaseFault::NotPostgres { .. }), "{fault}");
    assert_eq!(passed.last().unwrap().0, DatabaseCheck::Port);
    other.join().unwrap().unwrap();
}

#[tokio::test]
async fn a_wrong_or_missing_password_is_reported_without_showing_it() {
    let failed = |user: &str, password_set| DatabaseFault::AuthenticationFailed {
        user: user.to_owned(),
        password_set,
    };
    let wrong = PostgresConfig { password: Some(Password::new(SECRET)), ..working() };
    assert_fault(&wrong, &failed("postgres", true)).await;
    let unknown = PostgresConfig { user: "nobody".to_owned(), ..working() };
    assert_fault(&unknown, &failed("nobody", true)).await;
    let none = PostgresConfig { password: None, ..working() };
    assert_fault(&none, &failed("postgres", false)).await;
}

#[tokio::test]
async fn a_missing_database_is_reported() {
    let config = PostgresConfig { database: Some("elsewhere".to_owned()), ..working() };
    assert_fault(&config, &DatabaseFault::NoDatabase { database: "elsewhere".to_owned() }).await;
}

#[tokio::test]
async fn a_user_that_may_not_create_tables_is_reported() {
    let config = working();
    let database = config.database.clone().unwrap();
    let user = format!("reader_of_{database}");
    Postgres::shared().execute(&database, &format!("create role {user} login password '{SECRET}'")).unwrap();
    let reader = PostgresConfig { user: user.clone(), password: Some(Password::new(SECRET)), ..config };
    assert_fault(&reader, &DatabaseFault::CreateDenied { user, database, schema: "public".to_owned() }).await;
}

#[tokio::test]
async fn a_server_without_tls_is_reported_if_tls_is_required() {
    for mode in [SslMode::Require, SslMode::VerifyFull] {
        let config = PostgresConfig { ssl_mode: mode, ..working() };
        assert_fault(&config, &DatabaseFault::TlsUnavailable { mode }).await;
    }
}

fn with_tls(names: &str) -> (Postgres, Folder) {
    let folder = Folder::new("certificates").unwrap();
    certificates::make(folder.path(), names).unwrap();
    (with_certificate(&folder), folder)
}

fn with_certificate(folder: &Folder) -> Postgres {
    let mut postgres = Postgres::start().unwrap();
    postgres.require_tls(folder.path()).unwrap();
    postgres
}

fn verifying(postgres: &Postgres, authority: Option<&Path>) -> PostgresConfig {
    PostgresConfig {
        ssl_mode: SslMode::VerifyFull,
        ssl_root_cert: authority.map(Path::to_owned),
        ..config(postgres, "postgres")
    }
}

#[tokio::test]
async fn only_an_authority_in_the_file_is_trusted() {
    let (postgres, folder) = with_tls("IP:127.0.0.1");
    let authority = folder.path().join("ca.pem");
    let config = verifying(&postgres, Some(&authority));
    let (passed, outcome) = examine(&config).await;
    assert_eq!(outcome, Ok(()));
    assert!(passed.contains(&(DatabaseCheck::Tls, "verify-full".to_owned())), "{passed:?}");

    let unknown = verifying(&postgres, None);
    assert_fault(&unknown, &DatabaseFault::UntrustedAuthority { root_cert: None }).await;
    let other_folder = Folder::new("certificates").unwrap();
    certificates::make(other_folder.path(), "IP:127.0.0.1").unwrap();
    let other = other_folder.path().join("ca.pem");
    let wrong = verifying(&postgres, Some(&other));
    assert_fault(&wrong, &DatabaseFault::UntrustedAuthority { root_cert: Some(other) }).await;
    let missing = verifying(&postgres, Some(Path::new("/nowhere.pem")));
    assert_fault(&missing, &DatabaseFault::UnreadableRootCert { path: "/nowhere.pem".into() }).await;

    let mode = SslMode::Disable;
    let without = PostgresConfig { ssl_mode: mode, ..config };
    assert_fault(&without, &DatabaseFault::TlsRequired { mode }).await;
}

#[tokio::test]
async fn a_certificate_for_another_name_is_reported() {
    let (postgres, folder) = with_tls("DNS:db.example.org");
    let config = verifying(&postgres, Some(&folder.path().join("ca.pem")));
    assert_fault(&config, &DatabaseFault::WrongCertificateName { host: "127.0.0.1".to_owned() }).await;
}

/// Asserts that `check-database` and startup report the same fault, in the same words.
async fn assert_refused(config: &PostgresConfig, expected: &DatabaseFault) {
    assert_fault(config, expected).await;
    let refused = PostgresRecord::new(config).prepare().await.unwrap_err().to_string();
    assert_eq!(refused, format!("{expected}. {}", expected.remedy()));
}

#[tokio::test]
async fn a_schema_that_startup_refuses_is_reported_by_the_check() {
    for (change, expected) in [
        (
            "update _sqlx_migrations set checksum = '\\x00' where version = 2",
            DatabaseFault::MigrationModified { version: 2 },
        ),
        (
            "update _sqlx_migrations set success = false where version = 1",
            DatabaseFault::MigrationInterrupted { version: 1 },
        ),
        ("drop table indexes cascade", DatabaseFault::TableMissing { table: "indexes".to_owned() }),
        (
            "delete from _sqlx_migrations where version = 3",
            DatabaseFault::NameTaken { name: "write_check".to_owned() },
        ),
    ] {
        let config = working();
        PostgresRecord::new(&config).prepare().await.unwrap();
        Postgres::shared().execute(config.database.as_ref().unwrap(), change).unwrap();
        assert_refused(&config, &expected).await;
    }
}

#[tokio::test]
async fn a_database_that_startup_refuses_is_reported_by_the_check() {
    let postgres = Postgres::shared();
    let latin = "latin_1".to_owned();
    postgres
        .execute("postgres", "create database latin_1 encoding 'LATIN1' template template0 locale 'C'")
        .unwrap();
    let encoding = DatabaseFault::Encoding { database: latin.clone(), encoding: "LATIN1".to_owned() };
    assert_refused(&config(postgres, &latin), &encoding).await;

    let read_only = working();
    let name = read_only.database.clone().unwrap();
    postgres
        .execute("postgres", &format!("alter database {name} set default_transaction_read_only = on"))
        .unwrap();
    assert_refused(&read_only, &DatabaseFault::ReadOnly { standby: false }).await;

    let strange = working();
    postgres.execute(strange.database.as_ref().unwrap(), "create table values (amount int)").unwrap();
    assert_refused(&strange, &DatabaseFault::NotTheOriginals).await;
}

#[tokio::test]
async fn a_newer_schema_is_accepted() {
    let config = working();
    PostgresRecord::new(&config).prepare().await.unwrap();
    let newer = "insert into _sqlx_migrations values (99, 'later', now(), true, '\\x00', 0)";
    Postgres::shared().execute(config.database.as_ref().unwrap(), newer).unwrap();
    let (passed, outcome) = examine(&config).await;
    assert_eq!(outcome, Ok(()));
    assert!(passed.last().unwrap().1.contains("from a newer server"), "{passed:?}");
    PostgresRecord::new(&config).prepare().await.unwrap();
}

#[tokio::test]
async fn a_poolers_refusals_are_explained() {
    let pooler = PgBouncer::start(Postgres::shared(), &["max_client_conn = 0"]).unwrap();
    let full = PostgresConfig { port: pooler.port(), ..working() };
    let fault = examine(&full).await.1.unwrap_err();
    assert!(matches!(fault, DatabaseFault::TooManyConnections { .. }), "{fault}");
    let pooler = PgBouncer::start(Postgres::shared(), &["pool_mode = transaction"]).unwrap();
    let working = PostgresConfig { port: pooler.port(), ..working() };
    let (passed, outcome) = examine(&working).await;
    assert_eq!(outcome, Ok(()), "{passed:?}");
    let missing = PostgresConfig { database: Some("elsewhere".to_owned()), ..working.clone() };
    assert_fault(&missing, &DatabaseFault::NoDatabase { database: "elsewhere".to_owned() }).await;
    let wrong = PostgresConfig { password: Some(Password::new(SECRET)), ..working };
    let failed = DatabaseFault::AuthenticationFailed { user: "postgres".to_owned(), password_set: true };
    assert_fault(&wrong, &failed).await;
}

/// Runs psql, which shows what libpq does with the same settings.
fn libpq_connects(config: &PostgresConfig) -> bool {
    let root =
        config.ssl_root_cert.as_ref().map_or_else(|| "system".to_owned(), |path| path.display().to_string());
    let target = format!(
        "host={} port={} user=postgres dbname=postgres sslmode={} sslrootcert={root}",
        config.host, config.port, config.ssl_mode
    );
    let mut psql = std::process::Command::new("psql");
    psql.args(["-X", "-c", "select 1", &target]).env("PGPASSWORD", Postgres::shared().password());
    psql.output().unwrap().status.success()
}

#[tokio::test]
async fn a_certificate_that_libpq_accepts_is_accepted_or_the_error_names_the_setting() {
    use CertificateFault as Fault;
    const NAMES: &str = "subjectAltName=IP:127.0.0.1,DNS:localhost";
    const LEAF: &str = "basicConstraints=critical,CA:FALSE";
    for (extensions, days, mode, fault, remedy) in [
        // The default of `openssl req -x509`: an authority.
        (
            &[NAMES][..],
            2,
            SslMode::VerifyFull,
            Some(Fault::OwnAuthority),
            "PGSSLMODE=require without PGSSLROOTCERT",
        ),
        (
            &[NAMES],
            2,
            SslMode::VerifyCa,
            Some(Fault::OwnAuthority),
            "PGSSLMODE=require without PGSSLROOTCERT",
        ),
        (&[NAMES], 2, SslMode::Require, Some(Fault::OwnAuthority), "PGSSLMODE=require without PGSSLROOTCERT"),
        (&[NAMES], 2, SslMode::Prefer, None, ""),
        (&[NAMES, LEAF], 2, SslMode::VerifyFull, None, ""),
        (&[NAMES, LEAF], 2, SslMode::Require, None, ""),
        // Only a common name.
        (&[LEAF], 2, SslMode::VerifyFull, Some(Fault::NoNames), "PGSSLMODE=verify-ca"),
        (&[LEAF], 2, SslMode::VerifyCa, None, ""),
        (
            &[NAMES, LEAF, "extendedKeyUsage=clientAuth"],
            2,
            SslMode::VerifyFull,
            Some(Fault::Purpose),
            "serverAuth",
        ),
    ] {
        let folder = Folder::new("certificates").unwrap();
        certificates::self_signed(folder.path(), extensions, days).unwrap();
        let postgres = with_certificate(&folder);
        let config = PostgresConfig {
            host: "localhost".to_owned(),
            ssl_mode: mode,
            ..verifying(&postgres, Some(&folder.path().join("server.pem")))
        };
        let outcome = examine(&config).await.1;
        match (outcome, fault) {
            (Ok(()), None) => assert!(libpq_connects(&config), "{extensions:?} {mode}"),
            (Err(DatabaseFault::BadCertificate { fault, mode, root_cert }), Some(expected)) => {
                assert_eq!(fault, expected, "{extensions:?} {mode}");
                let fault = DatabaseFault::BadCertificate { fault, mode, root_cert };
                assert!(fault.remedy().contains(remedy), "{}", fault.remedy());
                // The remedy works.
                let lenient = PostgresConfig { ssl_mode: SslMode::Require, ssl_root_cert: None, ..config };
                assert_eq!(examine(&lenient).await.1, Ok(()));
            }
            (outcome, fault) => panic!("{extensions:?} {mode}: {outcome:?} instead of {fault:?}"),
        }
    }
}

#[tokio::test]
async fn a_certificate_of_version_1_is_reported_in_every_mode() {
    let folder = Folder::new("certificates").unwrap();
    certificates::make(folder.path(), "IP:127.0.0.1").unwrap();
    certificates::version_1(folder.path()).unwrap();
    let postgres = with_certificate(&folder);
    for mode in [SslMode::Require, SslMode::VerifyCa] {
        let config =
            PostgresConfig { ssl_mode: mode, ..verifying(&postgres, Some(&folder.path().join("ca.pem"))) };
        let fault = examine(&config).await.1.unwrap_err();
        assert!(fault.to_string().contains("X.509 version 1"), "{fault}");
        assert!(fault.remedy().contains("PGSSLMODE=disable"), "{}", fault.remedy());
    }
}
