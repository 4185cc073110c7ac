//! Where the database is and how to get in.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use percent_encoding::percent_decode_str;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

/// How to reach a PostgreSQL server.
///
/// | field | variable | default |
/// |---|---|---|
/// | `host` | `PGHOST` | `localhost`; a path is the folder of a Unix socket |
/// | `port` | `PGPORT` | 5432 |
/// | `user` | `PGUSER` | `postgres` |
/// | `database` | `PGDATABASE` | the user's name |
/// | `password` | `PGPASSWORD` | none |
/// | `ssl_mode` | `PGSSLMODE` | `prefer` |
/// | `ssl_root_cert` | `PGSSLROOTCERT` | the system's certificates |
///
/// All of these can be said in one `CONNECTION_URL` instead ([`PostgresConfig::from_url`]).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PostgresConfig {
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The role.
    pub user: String,
    /// The database; that of the role's name when absent.
    pub database: Option<String>,
    /// The role's password, where the server wants one.
    pub password: Option<Password>,
    /// How far the connection is encrypted, and the server's identity checked.
    pub ssl_mode: SslMode,
    /// File with the certificates (PEM) to trust instead of the system's.
    pub ssl_root_cert: Option<PathBuf>,
    /// The most connections that are open at once.
    pub max_connections: u32,
    /// How long to wait for a connection. It covers opening one.
    pub acquire_timeout: Duration,
    /// How long one statement may take. The server is told to end it then; one that does not even
    /// answer that is left alone a second later.
    pub statement_timeout: Duration,
}

impl Default for PostgresConfig {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: 5432,
            user: "postgres".to_owned(),
            database: None,
            password: None,
            ssl_mode: SslMode::Prefer,
            ssl_root_cert: None,
            max_connections: 10,
            acquire_timeout: Duration::from_secs(4),
            statement_timeout: Duration::from_secs(5),
        }
    }
}

/// A password. It is never shown.
#[derive(Clone, Eq, PartialEq)]
pub struct Password(String);

impl Password {
    /// Takes it.
    pub fn new(password: impl Into<String>) -> Self {
        Self(password.into())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// How far the connection is encrypted, and the server's identity checked: `sslmode` as
/// [PostgreSQL](https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION) has it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SslMode {
    /// `disable`: never encrypted.
    Disable,
    /// `prefer`: encrypted if the server can.
    #[default]
    Prefer,
    /// `require`: always encrypted; the certificate is checked only if a root certificate is given.
    Require,
    /// `verify-ca`: the certificate is from somebody trusted.
    VerifyCa,
    /// `verify-full`: and it is for this host.
    VerifyFull,
}

impl SslMode {
    /// Every mode, from the weakest to the strictest.
    pub const ALL: [Self; 5] = [Self::Disable, Self::Prefer, Self::Require, Self::VerifyCa, Self::VerifyFull];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

impl fmt::Display for SslMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SslMode {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or_else(|| ConfigError::SslMode { given: text.to_owned() })
    }
}

impl From<SslMode> for PgSslMode {
    fn from(mode: SslMode) -> Self {
        match mode {
            SslMode::Disable => Self::Disable,
            SslMode::Prefer => Self::Prefer,
            SslMode::Require => Self::Require,
            SslMode::VerifyCa => Self::VerifyCa,
            SslMode::VerifyFull => Self::VerifyFull,
        }
    }
}

/// What is wrong with a setting, and what is allowed. The URL itself is never repeated: a password
/// stands in it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// No such `sslmode`.
    #[error("“{given}” is none of disable, prefer, require, verify-ca, verify-full")]
    SslMode {
        /// What was given.
        given: String,
    },
    /// It cannot be read as a URL.
    #[error("it is not a URL ({what}); expected postgres://user:password@host:port/database")]
    NotAUrl {
        /// What is wrong with it.
        what: String,
    },
    /// It is a URL of something else.
    #[error("it begins with “{scheme}:”; expected postgres://user:password@host:port/database")]
    Scheme {
        /// What it begins with.
        scheme: String,
    },
    /// It has a parameter that is not known.
    #[error("its parameter “{name}” is not known; allowed are sslmode, sslrootcert")]
    Parameter {
        /// Which.
        name: String,
    },
}

impl PostgresConfig {
    /// Reads `postgres://user:password@host:port/database?sslmode=…&sslrootcert=…`; what is not
    /// in it is as by default. Special characters are percent-encoded.
    ///
    /// ```
    /// use store::{PostgresConfig, SslMode};
    ///
    /// let config = PostgresConfig::from_url("postgres://fib:s%40fe@db.example/fib?sslmode=verify-full")?;
    /// assert_eq!((config.host.as_str(), config.port), ("db.example", 5432));
    /// assert_eq!(config.ssl_mode, SslMode::VerifyFull);
    /// assert!(!format!("{config:?}").contains("s@fe"));
    /// # Ok::<(), store::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// A [`ConfigError`] that says what is allowed.
    pub fn from_url(url: &str) -> Result<Self, ConfigError> {
        let url = Url::parse(url.trim()).map_err(|error| ConfigError::NotAUrl { what: error.to_string() })?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(ConfigError::Scheme { scheme: url.scheme().to_owned() });
        }
        let mut config = Self::default();
        if let Some(host) = url.host_str().and_then(present) {
            // The brackets of an IPv6 address belong to the URL.
            config.host = decoded(host.trim_start_matches('[').trim_end_matches(']'))?;
        }
        config.port = url.port().unwrap_or(config.port);
        if let Some(user) = present(url.username()) {
            config.user = decoded(user)?;
        }
        config.password = url.password().map(decoded).transpose()?.map(Password);
        config.database = present(url.path().trim_start_matches('/')).map(decoded).transpose()?;
        for (name, value) in url.query_pairs() {
            match name.as_ref() {
                "sslmode" => config.ssl_mode = value.parse()?,
                "sslrootcert" => config.ssl_root_cert = Some(value.as_ref().into()),
                _ => return Err(ConfigError::Parameter { name: name.into_owned() }),
            }
        }
        Ok(config)
    }

    pub(super) fn connect_options(&self) -> PgConnectOptions {
        let mut options = PgConnectOptions::new_without_pgpass()
            .host(&self.host)
            .port(self.port)
            .username(&self.user)
            .database(self.database.as_ref().unwrap_or(&self.user))
            .ssl_mode(self.ssl_mode.into())
            .application_name("fibstack");
        if let Some(Password(password)) = &self.password {
            options = options.password(password);
        }
        if let Some(path) = &self.ssl_root_cert {
            options = options.ssl_root_cert(path);
        }
        options
    }
}

fn present(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn decoded(text: &str) -> Result<String, ConfigError> {
    percent_decode_str(text)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| ConfigError::NotAUrl { what: "a percent-encoded part is not UTF-8".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_everything_and_shows_no_password() {
        let config = PostgresConfig::from_url(
            "postgresql://f%40b:p%3A%2Fw@[::1]:6543/my%20db?sslmode=verify-ca&sslrootcert=/etc/ca.pem",
        )
        .unwrap();
        let expected = PostgresConfig {
            host: "::1".to_owned(),
            port: 6543,
            user: "f@b".to_owned(),
            database: Some("my db".to_owned()),
            password: Some(Password::new("p:/w")),
            ssl_mode: SslMode::VerifyCa,
            ssl_root_cert: Some("/etc/ca.pem".into()),
            ..PostgresConfig::default()
        };
        assert_eq!(config, expected);
        assert!(!format!("{config:?}").contains("p:/w"), "{config:?}");
    }

    #[test]
    fn a_folder_of_a_socket_is_a_host_too() {
        assert_eq!(PostgresConfig::from_url("postgres://%2Frun%2Fpg/fib").unwrap().host, "/run/pg");
    }

    #[test]
    fn a_mistake_is_named_without_the_password() {
        for (url, named) in [
            ("postgres://u:hunter2@host:port/db", "not a URL"),
            ("mysql://u:hunter2@host/db", "“mysql:”"),
            ("postgres://u:hunter2@host/db?sslmode=on", "“on” is none of disable, prefer"),
            ("postgres://u:hunter2@host/db?user=root", "“user” is not known"),
            ("host=db user=u password=hunter2", "not a URL"),
        ] {
            let message = PostgresConfig::from_url(url).unwrap_err().to_string();
            assert!(message.contains(named), "{url}: {message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
    }

    #[test]
    fn every_ssl_mode_is_read_back() {
        for mode in SslMode::ALL {
            assert_eq!(mode.as_str().parse(), Ok(mode));
        }
    }
}
