//! Database maintenance from the command line: `server migrate` and `server check-database`. They are not scripts,
//! because the image has no shell and because they must use the same settings and TLS as the server.

use std::process::ExitCode;

use startup::{SettingsError, postgres::PostgresSettings};
use store::{Adoption, PostgresConfig, PostgresRecord, Record, RecordError, SCHEMA_VERSION};

/// Migrates the schema, as a server does when it starts.
#[tokio::main]
pub(crate) async fn migrate(settings: &PostgresSettings) -> ExitCode {
    let config = startup::or_exit(named(settings));
    match migrate_schema(&config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(format_args!("{error}"));
            say(format_args!("run `server check-database` to find the cause"));
            ExitCode::FAILURE
        }
    }
}

async fn migrate_schema(config: &PostgresConfig) -> Result<(), RecordError> {
    let record = PostgresRecord::new(config);
    let before = record.schema_version().await?;
    let Adoption { adopted, duplicates, ignored } = record.prepare().await?;
    match before {
        Some(version @ SCHEMA_VERSION..) => say(format_args!("version {version}: already up to date")),
        Some(version) => say(format_args!("migrated from version {version} to {SCHEMA_VERSION}")),
        None => say(format_args!("created the schema, version {SCHEMA_VERSION}")),
    }
    if adopted + duplicates + ignored > 0 {
        say(format_args!(
            "adopted the original system's table: {adopted} indexes, {duplicates} duplicate rows, {ignored} rows \
             that are not indexes"
        ));
    }
    record.close().await;
    Ok(())
}

/// Checks the database step by step and prints the first fault.
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
            say(format_args!("{}: {fault}. {}", fault.check(), fault.remedy()));
            ExitCode::FAILURE
        }
    }
}

/// Returns the settings of Postgres. An embedded server's database needs neither command.
fn named(settings: &PostgresSettings) -> Result<PostgresConfig, SettingsError> {
    if settings.is_set() {
        return settings.to_config();
    }
    Err(SettingsError::Refused(
        "neither PGHOST nor CONNECTION_URL is set. (An embedded server manages its database itself.)"
            .to_owned(),
    ))
}

fn say(what: std::fmt::Arguments<'_>) {
    println!("{what}");
}
