//! Where Postgres is.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::{
    Secret, SettingsError,
    check::{file, host_or_socket, number, port, text},
    secret::secret,
};

/// Where Postgres is, and how to talk to it.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Postgres")]
pub struct PostgresSettings {
    /// Host name or IP address, without the port; or the folder of a Unix socket.
    #[arg(id = "PGHOST", long = "pghost", env = "PGHOST", value_parser = host_or_socket("PGPORT"))]
    pub host: Option<String>,
    /// Port.
    #[arg(id = "PGPORT", long = "pgport", env = "PGPORT", default_value = "5432", value_parser = port)]
    pub port: u16,
    /// User name.
    #[arg(id = "PGUSER", long = "pguser", env = "PGUSER", default_value = "postgres", value_parser = text)]
    pub user: String,
    /// Name of the database.
    #[arg(
        id = "PGDATABASE", long = "pgdatabase", env = "PGDATABASE", default_value = "postgres",
        value_parser = text,
    )]
    pub database: String,
    /// Password. Better given as a file: the environment of a process can be read by others.
    #[arg(
        id = "PGPASSWORD", long = "pgpassword", env = "PGPASSWORD",
        hide_env_values = true, value_parser = secret,
    )]
    pub password: Option<Secret>,
    /// File that holds the password, instead of `PGPASSWORD`.
    #[arg(id = "PGPASSWORD_FILE", long = "pgpassword-file", env = "PGPASSWORD_FILE")]
    pub password_file: Option<PathBuf>,
    /// Whether to talk TLS, and what to check of the server's certificate.
    #[arg(id = "PGSSLMODE", long = "pgsslmode", env = "PGSSLMODE", default_value = "prefer", value_enum)]
    pub ssl_mode: SslMode,
    /// PEM file of the authority that signed the server's certificate. Default: the system's authorities.
    #[arg(id = "PGSSLROOTCERT", long = "pgsslrootcert", env = "PGSSLROOTCERT", value_parser = file)]
    pub ssl_root_cert: Option<PathBuf>,
    /// All of the above but the certificate in one: `postgres://user:password@host:port/database`.
    /// Instead of `PGHOST`; the other `PG…` settings of host, user and password are then not read.
    #[arg(
        id = "CONNECTION_URL", long = "connection-url", env = "CONNECTION_URL",
        hide_env_values = true, value_parser = secret,
    )]
    pub url: Option<Secret>,
    /// File that holds the URL, instead of `CONNECTION_URL`.
    #[arg(id = "CONNECTION_URL_FILE", long = "connection-url-file", env = "CONNECTION_URL_FILE")]
    pub url_file: Option<PathBuf>,
    /// The most connections held open at once.
    #[arg(
        id = "PG_POOL_SIZE", long = "pg-pool-size", env = "PG_POOL_SIZE", default_value = "10",
        value_parser = number(1_u32..=1_000, "connections"),
    )]
    pub pool_size: u32,
}

/// Whether to talk TLS with Postgres, in libpq's words.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum SslMode {
    /// Never.
    Disable,
    /// Only if the server insists.
    Allow,
    /// If the server can.
    Prefer,
    /// Always, with any certificate.
    Require,
    /// Always, with a certificate of a known authority.
    VerifyCa,
    /// Always, with a certificate of a known authority for this very host.
    VerifyFull,
}

impl PostgresSettings {
    /// Is Postgres named at all?
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.host.is_some() || self.url.is_some() || self.url_file.is_some()
    }

    /// The password, from wherever it is given.
    ///
    /// # Errors
    /// It is given twice, or its file can't be read.
    pub fn password(&self) -> Result<Option<Secret>, SettingsError> {
        Secret::from_either("PGPASSWORD", self.password.as_ref(), self.password_file.as_deref())
    }

    /// The URL, from wherever it is given.
    ///
    /// # Errors
    /// It is given twice, beside `PGHOST`, is no URL of a Postgres, or its file can't be read.
    pub fn url(&self) -> Result<Option<Secret>, SettingsError> {
        let url = Secret::from_either("CONNECTION_URL", self.url.as_ref(), self.url_file.as_deref())?;
        let refused = |why: &str| Err(SettingsError::Refused(why.to_owned()));
        match &url {
            Some(_) if self.host.is_some() => {
                refused("CONNECTION_URL and PGHOST are both set: set one of them")
            }
            // The value is not quoted: it holds the password.
            Some(url) if !["postgres://", "postgresql://"].iter().any(|it| url.expose().starts_with(it)) => {
                refused("CONNECTION_URL is wrong: allowed is postgres://user:password@host:port/database")
            }
            _ => Ok(url),
        }
    }

    /// Is anything wrong with these settings together?
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), SettingsError> {
        if self.url()?.is_none() {
            self.password()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Settings {
        #[command(flatten)]
        postgres: PostgresSettings,
    }

    fn read(arguments: &[&str]) -> Result<PostgresSettings, String> {
        Settings::try_parse_from([&["test"], arguments].concat())
            .map(|settings| settings.postgres)
            .map_err(|error| error.to_string())
    }

    fn refusal(arguments: &[&str]) -> String {
        read(arguments).unwrap().check().unwrap_err().to_string()
    }

    #[test]
    fn a_refusal_names_the_variable_the_value_and_what_is_allowed() {
        for (arguments, parts) in [
            (["--pghost", "db.rds.amazonaws.com:5432"], ["PGHOST", "put “5432” into PGPORT"]),
            (["--pgport", "tcp://10.0.0.1:5432"], ["PGPORT", "from 1 to 65535"]),
            (["--pgsslmode", "yes"], ["PGSSLMODE", "verify-full"]),
            (["--pgsslrootcert", "/nowhere"], ["PGSSLROOTCERT", "a file"]),
            (["--pg-pool-size", "0"], ["PG_POOL_SIZE", "from 1 to 1000 connections"]),
            (["--pguser", " "], ["PGUSER", "any text but blanks"]),
        ] {
            let error = read(&arguments).unwrap_err();
            for part in parts.into_iter().chain([arguments[1]]) {
                assert!(error.contains(part), "{part} is missing: {error}");
            }
        }
    }

    #[test]
    fn nothing_set_means_no_postgres() {
        let settings = read(&[]).unwrap();
        assert!(!settings.is_set());
        assert_eq!((settings.port, settings.ssl_mode), (5432, SslMode::Prefer));
    }

    #[test]
    fn a_url_stands_instead_of_the_host() {
        let settings = read(&["--connection-url", "postgres://me:hunter2@db/app"]).unwrap();
        assert!(settings.is_set());
        settings.check().unwrap();
        assert!(!format!("{settings:?}").contains("hunter2"));
        let both = ["--pghost", "db", "--connection-url", "postgres://me@db"];
        assert_eq!(refusal(&both), "CONNECTION_URL and PGHOST are both set: set one of them");
    }

    #[test]
    fn a_wrong_url_is_refused_without_being_quoted() {
        let error = refusal(&["--connection-url", "mysql://me:hunter2@db/app"]);
        assert!(error.starts_with("CONNECTION_URL is wrong: allowed is postgres://"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_missing_password_file_is_refused() {
        let error = refusal(&["--pghost", "db", "--pgpassword-file", "/nowhere"]);
        assert!(error.starts_with("PGPASSWORD_FILE names /nowhere"), "{error}");
    }
}
