//! Settings for Postgres.

use std::path::PathBuf;

use store::{ConfigError, Password, PostgresConfig, SslMode};

use crate::{
    Secret, SettingsError,
    check::{certificates, host_or_socket, number, port, private_key, text},
    secret::secret,
};

/// Settings for Postgres.
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
    /// Password. Prefer a file: others may be able to read the environment of a process.
    #[arg(
        id = "PGPASSWORD", long = "pgpassword", env = "PGPASSWORD",
        hide_env_values = true, value_parser = secret,
    )]
    pub password: Option<Secret>,
    /// File that holds the password, instead of `PGPASSWORD`.
    #[arg(id = "PGPASSWORD_FILE", long = "pgpassword-file", env = "PGPASSWORD_FILE")]
    pub password_file: Option<PathBuf>,
    /// Use of TLS and verification of the server's certificate, as in libpq. Default: prefer.
    #[arg(
        id = "PGSSLMODE", long = "pgsslmode", env = "PGSSLMODE",
        value_parser = ssl_mode,
    )]
    pub ssl_mode: Option<SslMode>,
    /// PEM file of the authority that signed the server's certificate. Default: the system's authorities.
    #[arg(id = "PGSSLROOTCERT", long = "pgsslrootcert", env = "PGSSLROOTCERT", value_parser = root_certificates)]
    pub ssl_root_cert: Option<PathBuf>,
    /// PEM file of this client's certificate, if the server asks for one. Needs `PGSSLKEY`.
    #[arg(id = "PGSSLCERT", long = "pgsslcert", env = "PGSSLCERT", value_parser = certificates)]
    pub ssl_cert: Option<PathBuf>,
    /// PEM file of the key of `PGSSLCERT`.
    #[arg(id = "PGSSLKEY", long = "pgsslkey", env = "PGSSLKEY", value_parser = private_key)]
    pub ssl_key: Option<PathBuf>,
    /// All of the above in one: `postgres://user:password@host:port/database?sslmode=require`. Replaces `PGHOST` and
    /// the others, except `PGSSLMODE`, `PGSSLROOTCERT`, `PGSSLCERT` and `PGSSLKEY`, which override the URL.
    #[arg(
        id = "CONNECTION_URL", long = "connection-url", env = "CONNECTION_URL",
        hide_env_values = true, value_parser = secret,
    )]
    pub url: Option<Secret>,
    /// File that holds the URL, instead of `CONNECTION_URL`.
    #[arg(id = "CONNECTION_URL_FILE", long = "connection-url-file", env = "CONNECTION_URL_FILE")]
    pub url_file: Option<PathBuf>,
    /// Maximum number of open connections.
    #[arg(
        id = "PG_POOL_SIZE", long = "pg-pool-size", env = "PG_POOL_SIZE", default_value = "10",
        value_parser = number(1_u32..=1_000, "connections"),
    )]
    pub pool_size: u32,
}

impl PostgresSettings {
    /// Returns true if Postgres is configured.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.host.is_some() || self.url.is_some() || self.url_file.is_some()
    }

    /// Returns the connection settings. Without `PGHOST`, the host is this machine.
    ///
    /// # Errors
    /// Fails if a secret is set twice, its file cannot be read, or the URL is invalid or set together with `PGHOST`.
    pub fn to_config(&self) -> Result<PostgresConfig, SettingsError> {
        let url = Secret::from_either("CONNECTION_URL", self.url.as_ref(), self.url_file.as_deref())?;
        let mut config = match url {
            Some(_) if self.host.is_some() => {
                let both = "CONNECTION_URL and PGHOST are both set: set one of them";
                return Err(SettingsError::Refused(both.to_owned()));
            }
            // Neither this message nor the error quotes the URL, because it may contain the password.
            Some(url) => PostgresConfig::from_url(url.expose())
                .map_err(|error| SettingsError::Refused(format!("CONNECTION_URL is invalid: {error}")))?,
            None => self.separate()?,
        };
        config.max_connections = self.pool_size;
        config.ssl_mode = self.ssl_mode.unwrap_or(config.ssl_mode);
        config.ssl_root_cert = self.ssl_root_cert.clone().or(config.ssl_root_cert);
        config.ssl_cert = self.ssl_cert.clone().or(config.ssl_cert);
        config.ssl_key = self.ssl_key.clone().or(config.ssl_key);
        if config.ssl_cert.is_some() != config.ssl_key.is_some() {
            let one = "only one of PGSSLCERT and PGSSLKEY is set: set both, or neither";
            return Err(SettingsError::Refused(one.to_owned()));
        }
        config
            .with_system_authorities()
            .map_err(|error| SettingsError::Refused(format!("PGSSLROOTCERT and PGSSLMODE: {error}")))
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

/// Like [`certificates`], but also accepts libpq's value `system`.
fn root_certificates(text: &str) -> Result<PathBuf, String> {
    if text.trim() == "system" { Ok(PathBuf::from("system")) } else { certificates(text) }
}

fn ssl_mode(text: &str) -> Result<SslMode, String> {
    text.trim().to_lowercase().parse().map_err(|error: ConfigError| error.to_string())
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
    fn the_error_names_the_variable_the_value_and_the_allowed_values() {
        for (arguments, parts) in [
            (["--pghost", "db.rds.amazonaws.com:5432"], ["PGHOST", "put “5432” in PGPORT"]),
            (["--pgport", "tcp://10.0.0.1:5432"], ["PGPORT", "from 1 to 65535"]),
            (["--pgsslmode", "yes"], ["PGSSLMODE", "verify-full"]),
            (["--pgsslrootcert", "/nowhere"], ["PGSSLROOTCERT", "cannot read this file"]),
            (["--pgsslrootcert", "Cargo.toml"], ["PGSSLROOTCERT", "in PEM format"]),
            (["--pgsslkey", "Cargo.toml"], ["PGSSLKEY", "PRIVATE KEY"]),
            (["--pg-pool-size", "0"], ["PG_POOL_SIZE", "from 1 to 1000 connections"]),
            (["--pguser", " "], ["PGUSER", "must not be blank"]),
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
    fn a_url_replaces_the_host() {
        let settings = read(&["--connection-url", "postgres://me:hunter2@db/app"]).unwrap();
        assert!(settings.is_set());
        let config = settings.to_config().unwrap();
        assert_eq!((config.host.as_str(), config.user.as_str()), ("db", "me"));
        assert!(!format!("{settings:?}").contains("hunter2"));
        let both = ["--pghost", "db", "--connection-url", "postgres://me@db"];
        assert_eq!(refusal(&both), "CONNECTION_URL and PGHOST are both set: set one of them");
    }

    #[test]
    fn an_invalid_url_is_refused_without_being_quoted() {
        let error = refusal(&["--connection-url", "mysql://me:hunter2@db/app"]);
        assert!(error.starts_with("CONNECTION_URL is invalid: "), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn the_tls_setting_overrides_the_url() {
        let url = ["--connection-url", "postgres://me@db/app?sslmode=disable"];
        let mode = |more: &[&str]| read(&[&url, more].concat()).unwrap().to_config().unwrap().ssl_mode;
        assert_eq!(mode(&[]), SslMode::Disable);
        assert_eq!(mode(&["--pgsslmode", "verify-full"]), SslMode::VerifyFull);
    }

    #[test]
    fn the_systems_authorities_need_the_strictest_mode() {
        let config = |more: &[&str]| {
            read(&[&["--pghost", "db", "--pgsslrootcert", "system"], more].concat()).unwrap().to_config()
        };
        let system = config(&[]).unwrap();
        assert_eq!((system.ssl_mode, system.ssl_root_cert), (SslMode::VerifyFull, None));
        assert_eq!(config(&["--pgsslmode", " Verify-Full\n"]).unwrap().ssl_mode, SslMode::VerifyFull);
        let error = config(&["--pgsslmode", "require"]).unwrap_err().to_string();
        assert_eq!(
            error,
            "PGSSLROOTCERT and PGSSLMODE: sslrootcert is system, so sslmode must be verify-full, not require"
        );
        let url = ["--connection-url", "postgres://me@db/app?sslrootcert=system"];
        assert_eq!(read(&url).unwrap().to_config().unwrap().ssl_mode, SslMode::VerifyFull);
    }

    #[test]
    fn a_client_certificate_without_its_key_is_refused() {
        let certificate = concat!(env!("CARGO_MANIFEST_DIR"), "/../certificates/rds.pem");
        let error = refusal(&["--pghost", "db", "--pgsslcert", certificate]);
        assert_eq!(error, "only one of PGSSLCERT and PGSSLKEY is set: set both, or neither");
    }

    #[test]
    fn a_missing_password_file_is_refused() {
        let error = refusal(&["--pghost", "db", "--pgpassword-file", "/nowhere"]);
        assert!(error.starts_with("PGPASSWORD_FILE names /nowhere"), "{error}");
    }
}
