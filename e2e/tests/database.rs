//! `server migrate` and `server check-database`, for images without a shell.

// A failed unwrap fails the test with a sufficient message.
#![allow(clippy::unwrap_used)]

use std::{fs, process::Command};

use throwaway::{Folder, Postgres, process::free_port};

/// Runs a subcommand of the server and returns its exit code and output.
fn server(command: &str, settings: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut server = Command::new(e2e::binary("server"));
    // As in the image.
    let output =
        server.arg(command).env_clear().env("EMBEDDED", "false").envs(settings.iter().copied()).output();
    let output = output.unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert!(!said.contains(Postgres::shared().password()), "a password is shown: {said}");
    (output.status.code(), said)
}

fn url() -> String {
    let postgres = Postgres::shared();
    postgres.url(&postgres.create_database().unwrap())
}

#[test]
fn a_migration_reports_both_versions() {
    let url = url();
    let settings = [("CONNECTION_URL", url.as_str())];
    let (code, said) = server("check-database", &settings);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("schema: ok (none yet"), "{said}");

    let (code, said) = server("migrate", &settings);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("created the schema, version "), "{said}");
    let (code, said) = server("migrate", &settings);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.ends_with(": already up to date\n"), "{said}");
}

#[test]
fn a_migration_reports_what_it_adopted_from_the_original() {
    let postgres = Postgres::shared();
    let database = postgres.create_database().unwrap();
    postgres
        .execute(&database, "create table values (number int); insert into values values (7), (7), (-5)")
        .unwrap();
    let (code, said) = server("migrate", &[("CONNECTION_URL", &postgres.url(&database))]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("table: 1 indexes, 1 duplicate rows, 1 rows that are not indexes"), "{said}");
}

#[test]
fn a_check_prints_one_line_per_step() {
    let folder = Folder::new("secret").unwrap();
    let secret = folder.path().join("url");
    fs::write(&secret, url() + "\n").unwrap();
    let (code, said) = server("check-database", &[("CONNECTION_URL_FILE", secret.to_str().unwrap())]);
    assert_eq!(code, Some(0), "{said}");
    let steps = said.lines().map(|line| line.split_once(": ok (").unwrap().0).collect::<Vec<_>>();
    assert_eq!(steps, ["settings", "name", "port", "tls", "user", "database", "permission", "schema"]);
}

#[test]
fn a_check_stops_at_the_first_problem() {
    let (code, said) = server("check-database", &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.starts_with("settings: neither PGHOST nor CONNECTION_URL is set"), "{said}");

    let port = free_port().unwrap().to_string();
    let settings = [("PGHOST", "127.0.0.1"), ("PGPORT", &port), ("PGPASSWORD", "hunter2")];
    let (code, said) = server("check-database", &settings);
    assert_eq!(code, Some(1), "{said}");
    let last = said.lines().last().unwrap();
    assert!(last.starts_with("port: 127.0.0.1 refused the connection"), "{said}");
    let (code, said) = server("migrate", &settings);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("check-database"), "{said}");

    // An invalid value is refused as at startup.
    let (code, said) = server("check-database", &[("PGHOST", "db"), ("PGSSLROOTCERT", "/nowhere")]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("PGSSLROOTCERT") && said.contains("/nowhere"), "{said}");
}

#[test]
fn every_command_reports_a_modified_migration_in_the_same_words() {
    let postgres = Postgres::shared();
    let database = postgres.create_database().unwrap();
    let url = postgres.url(&database);
    let settings = [("CONNECTION_URL", url.as_str())];
    let (code, said) = server("migrate", &settings);
    assert_eq!(code, Some(0), "{said}");
    postgres.execute(&database, "update _sqlx_migrations set checksum = '\\x00' where version = 1").unwrap();
    for command in ["check-database", "migrate"] {
        let (code, said) = server(command, &settings);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("migration 1 was applied to this database with a different text"), "{said}");
        assert!(said.contains("Use a build whose migrations are unmodified"), "{said}");
    }
}
