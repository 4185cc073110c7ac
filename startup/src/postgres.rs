//! Where Postgres is.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use store::{Password, PostgresConfig, SslMode};

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
    /// Name of the database. Default: the user's name.
    #[arg(id = "PGDATABASE", long = "pgdatabase", env = "PGDATABASE", value_parser = text)]
    pub database: Option<String>,
    /// Password. Better given as a file: the environment of a process can be read by others.
    #[arg(
        id = "PGPASSWORD", long = "pgpassword", env = "PGPASSWORD",
        hide_env_values = true, value_parser = secret,
    )]
    pub password: Option<Secret>,
    /// File that holds the password, instead of `PGPASSWORD`.
    #[arg(id = "PGPASSWORD_FILE", long = "pgpassword-file", env = "PGPASSWORD_FILE")]
    pub password_file: Option<PathBuf>,
    /// Whether to talk TLS, and what to check of the server's certificate, in libpq's words.
    /// Default: prefer.
    #[arg(
        id = "PGSSLMODE", long = "pgsslmode", env = "PGSSLMODE",
        value_parser = PossibleValuesParser::new(SslMode::ALL.map(SslMode::as_str)).try_map(|mode| mode.parse::<SslMode>()),
    )]
    pub ssl_mode: Option<SslMode>,
    /// PEM file of the authority that signed the server's certificate. Default: the system's authorities.
    #[arg(id = "PGSSLROOTCERT", long = "pgsslrootcert", env = "PGSSLROOTCERT", value_parser = file)]
    pub ssl_root_cert: Option<PathBuf>,
    /// All of the above in one: `postgres://user:password@host:port/database?sslmode=require`. Instead
    /// of `PGHOST`; of the others only `PGSSLMODE` and `PGSSLROOTCERT` are read beside it.
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

impl PostgresSettings {
    /// Is Postgres named at all?
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.host.is_some() || self.url.is_some() || self.url_file.is_some()
    }

    /// How to reach Postgres. Where `PGHOST` is missing, it is this machine.
    ///
    /// # Errors
    /// A secret is given twice, its file can't be read, the URL is wrong or stands beside `PGHOST`.
    pub fn to_config(&self) -> Result<PostgresConfig, SettingsError> {
        let url = Secret::from_either("CONNECTION_URL", self.url.as_ref(), self.url_file.as_deref())?;
        let mut config = match url {
            Some(_) if self.host.is_some() => {
                let both = "CONNECTION_URL and PGHOST are both set: set one of them";
                return Err(SettingsError::Refused(both.to_owned()));
            }
            // The URL is not quoted, since the password stands in it; nor does the error quote it.
            Some(url) => PostgresConfig::from_url(url.expose())
                .map_err(|error| SettingsError::Refused(format!("CONNECTION_URL is wrong: {error}")))?,
            None => self.separate()?,
        };
        config.max_connections = self.pool_size;
        config.ssl_mode = self.ssl_mode.unwrap_or(config.ssl_mode);
        config.ssl_root_cert = self.ssl_root_cert.clone().or(config.ssl_root_cert);
        Ok(config)
    }

    fn separate(&self) -> Result<PostgresConfig, SettingsError> {
        let default = PostgresConfig::default();
        let password =
            Secret::from_either("PGPASSWORD", self.password.as_ref(), self.password_file.as_deref())?;
        Ok(PostgresConfig {
            host: self.host.clone().unwrap_or(default.host),
            port: self.port,
            user: self.user.clone(),
            database: self.database.clone(),
            password: password.map(|password| Password::new(password.expose())),
            ..PostgresConfig::default()
        })
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
        read(arguments).unwrap().to_config().unwrap_err().to_string()
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
        let config = settings.to_config().unwrap();
        assert_eq!((config.port, config.ssl_mode), (5432, SslMode::Prefer));
        assert_eq!((config.user.as_str(), config.database), ("postgres", None));
    }

    #[test]
    fn a_url_stands_instead_of_the_host() {
        let settings = read(&["--connection-url", "postgres://me:hunter2@db/app"]).unwrap();
        assert!(settings.is_set());
        let config = settings.to_config().unwrap();
        assert_eq!((config.host.as_str(), config.user.as_str()), ("db", "me"));
        assert!(!format!("{settings:?}").contains("hunter2"));
        let both = ["--pghost", "db", "--connection-url", "postgres://me@db"];
        assert_eq!(refusal(&both), "CONNECTION_URL and PGHOST are both set: set one of them");
    }

    #[test]
    fn a_wrong_url_is_refused_without_being_quoted() {
        let error = refusal(&["--connection-url", "mysql://me:hunter2@db/app"]);
        assert!(error.starts_with("CONNECTION_URL is wrong: "), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn tls_is_what_the_setting_says_also_beside_a_url() {
        let url = ["--connection-url", "postgres://me@db/app?sslmode=disable"];
        let mode = |more: &[&str]| read(&[&url, more].concat()).unwrap().to_config().unwrap().ssl_mode;
        assert_eq!(mode(&[]), SslMode::Disable);
        assert_eq!(mode(&["--pgsslmode", "verify-full"]), SslMode::VerifyFull);
    }

    #[test]
    fn a_missing_password_file_is_refused() {
        let error = refusal(&["--pghost", "db", "--pgpassword-file", "/nowhere"]);
        assert!(error.starts_with("PGPASSWORD_FILE names /nowhere"), "{error}");
    }
}
