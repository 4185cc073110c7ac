//! Looking after the database from the command line: `server migrate` and `server check-database`. They are here
//! rather than in a script because the image has no shell, and the server's settings and TLS are what is to be
//! checked.

mod remedy;

use std::process::ExitCode;

use startup::{SettingsError, postgres::PostgresSettings};
use store::{Adoption, PostgresConfig, PostgresRecord, Record, RecordError, SCHEMA_VERSION};

/// Brings the schema up to date, as a server does at its start.
#[tokio::main]
pub(crate) async fn migrate(settings: &PostgresSettings) -> ExitCode {
    let config = startup::or_exit(named(settings));
    match bring_up_to_date(&config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(format_args!("{error}"));
            say(format_args!("`server check-database` looks for the reason, step by step"));
            ExitCode::FAILURE
        }
    }
}

async fn bring_up_to_date(config: &PostgresConfig) -> Result<(), RecordError> {
    let record = PostgresRecord::new(config);
    let before = record.schema_version().await?;
    let Adoption { adopted, duplicates, ignored } = record.prepare().await?;
    match before {
        Some(version @ SCHEMA_VERSION..) => say(format_args!("version {version}: nothing to do")),
        Some(version) => say(format_args!("migrated from version {version} to {SCHEMA_VERSION}")),
        None => say(format_args!("migrated from nothing to version {SCHEMA_VERSION}")),
    }
    if adopted + duplicates + ignored > 0 {
        say(format_args!(
            "the original system's table was adopted: {adopted} indexes, {duplicates} rows that repeat one, \
             {ignored} rows that are none"
        ));
    }
    record.close().await;
    Ok(())
}

/// Goes through what a database needs and says what is wrong with it.
#[tokio::main]
pub(crate) async fn check(settings: &PostgresSettings) -> ExitCode {
    let config = match named(settings) {
        Ok(config) => config,
        Err(error) => {
            say(format_args!("settings: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let database = config.database.as_ref().unwrap_or(&config.user);
    say(format_args!("settings: ok ({}@{}:{}/{database})", config.user, config.host, config.port));
    match store::diagnose(&config, |check, found| say(format_args!("{check}: ok ({found})"))).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            say(format_args!("{}: {fault}. {}", fault.check(), remedy::remedy(&fault)));
            ExitCode::FAILURE
        }
    }
}

/// An embedded server's database needs neither.
fn named(settings: &PostgresSettings) -> Result<PostgresConfig, SettingsError> {
    if settings.is_set() {
        return settings.to_config();
    }
    Err(SettingsError::Refused(
        "neither PGHOST nor CONNECTION_URL is set. (An embedded server sees to its database by itself.)"
            .to_owned(),
    ))
}

fn say(what: std::fmt::Arguments<'_>) {
    println!("{what}");
}
