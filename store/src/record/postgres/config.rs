//! Connection settings for PostgreSQL.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use percent_encoding::percent_decode_str;
use sqlx::{
    ConnectOptions,
    postgres::{PgConnectOptions, PgSslMode},
};
use url::Url;

/// Connection settings for a PostgreSQL server.
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
/// | `ssl_cert`, `ssl_key` | `PGSSLCERT`, `PGSSLKEY` | none |
///
/// One `CONNECTION_URL` can replace all of these ([`PostgresConfig::from_url`]).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PostgresConfig {
    /// The host.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The role.
    pub user: String,
    /// The database; default: the role's name.
    pub database: Option<String>,
    /// The role's password, if the server requires one.
    pub password: Option<Password>,
    /// Encryption of the connection and verification of the server's identity.
    pub ssl_mode: SslMode,
    /// PEM file with the authorities to trust, or `system`, see [`PostgresConfig::with_system_authorities`].
    pub ssl_root_cert: Option<PathBuf>,
    /// PEM file with the client's certificate.
    pub ssl_cert: Option<PathBuf>,
    /// PEM file with the key of the client's certificate.
    pub ssl_key: Option<PathBuf>,
    /// Maximum number of open connections.
    pub max_connections: u32,
    /// Timeout for getting a connection, including opening one.
    pub acquire_timeout: Duration,
    /// Timeout of a statement. The server cancels the statement then; if it does not even respond to
    /// that, the connection is closed a second later.
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
            ssl_cert: None,
            ssl_key: None,
            max_connections: 10,
            acquire_timeout: Duration::from_secs(4),
            statement_timeout: Duration::from_secs(5),
        }
    }
}

/// A password; never shown.
#[derive(Clone, Eq, PartialEq)]
pub struct Password(String);

impl Password {
    /// Wraps a password.
    pub fn new(password: impl Into<String>) -> Self {
        Self(password.into())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Encryption of the connection and verification of the server's identity: `sslmode` as in
/// [PostgreSQL](https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SslMode {
    /// `disable`: never encrypted.
    Disable,
    /// `allow`: like `prefer`. libpq would try without encryption first.
    Allow,
    /// `prefer`: encrypted if the server supports it.
    #[default]
    Prefer,
    /// `require`: always encrypted; the certificate is verified only if a root certificate is given.
    Require,
    /// `verify-ca`: encrypted, with a certificate from a trusted authority.
    VerifyCa,
    /// `verify-full`: like `verify-ca`, and the certificate is for this host.
    VerifyFull,
}

impl SslMode {
    /// All modes, from weakest to strictest.
    pub const ALL: [Self; 6] =
        [Self::Disable, Self::Allow, Self::Prefer, Self::Require, Self::VerifyCa, Self::VerifyFull];

    /// Name of the mode in `sslmode`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Allow => "allow",
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
            SslMode::Allow | SslMode::Prefer => Self::Prefer,
            SslMode::Require => Self::Require,
            SslMode::VerifyCa => Self::VerifyCa,
            SslMode::VerifyFull => Self::VerifyFull,
        }
    }
}

/// Error in a setting. Never quotes the URL, which may contain a password.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// Unknown `sslmode`.
    #[error("“{given}” must be one of disable, allow, prefer, require, verify-ca, verify-full")]
    SslMode {
        /// The given value.
        given: String,
    },
    /// Not a URL.
    #[error(
        "not a URL ({problem}); must be postgres://user:password@host:port/database, without quotes, and with special \
         characters percent-encoded"
    )]
    NotAUrl {
        /// Description of the problem.
        problem: String,
    },
    /// A URL of something else.
    #[error("unknown scheme “{scheme}:”; must be postgres://user:password@host:port/database")]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// Unknown parameter.
    #[error(
        "unknown parameter “{name}”; must be host, port, user, password, dbname, sslmode, sslrootcert, sslcert, sslkey \
         or target_session_attrs=read-write"
    )]
    Parameter {
        /// Name of the parameter.
        name: String,
    },
    /// Several hosts.
    #[error(
        "several hosts are not supported; name one that leads to the primary, such as a DNS name that moves with it"
    )]
    SeveralHosts,
    /// The system's authorities, which may have signed the certificate of any server, without a check of the name.
    #[error("sslrootcert is system, so sslmode must be verify-full, not {mode}")]
    SystemAuthorities {
        /// The given mode.
        mode: SslMode,
    },
    /// A port that is not a number from 1 to 65535.
    #[error("the port must be a whole number from 1 to 65535")]
    Port,
    /// A server that need not be the primary.
    #[error("target_session_attrs is “{given}”; must be read-write or primary, because fibstack writes")]
    SessionAttributes {
        /// The given value.
        given: String,
    },
}

impl PostgresConfig {
    /// Parses `postgres://user:password@host:port/database?sslmode=…&sslrootcert=…`. Missing parts have
    /// their defaults. Special characters must be percent-encoded.
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
    /// A [`ConfigError`] that states the expected form.
    pub fn from_url(url: &str) -> Result<Self, ConfigError> {
        let authority =
            url.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?']).next().unwrap_or(rest));
        if authority.rsplit('@').next().is_some_and(|hosts| hosts.contains(',')) {
            return Err(ConfigError::SeveralHosts);
        }
        let url =
            Url::parse(url.trim()).map_err(|error| ConfigError::NotAUrl { problem: error.to_string() })?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(ConfigError::Scheme { scheme: url.scheme().to_owned() });
        }
        let mut config = Self::default();
        if let Some(host) = url.host_str().and_then(present) {
            // The brackets around an IPv6 address are URL syntax.
            config.host = decoded(host.trim_start_matches('[').trim_end_matches(']'))?;
        }
        config.port = match url.port() {
            Some(0) => return Err(ConfigError::Port),
            port => port.unwrap_or(config.port),
        };
        if let Some(user) = present(url.username()) {
            config.user = decoded(user)?;
        }
        config.password = url.password().map(decoded).transpose()?.map(Password);
        config.database = present(url.path().trim_start_matches('/')).map(decoded).transpose()?;
        for (name, value) in url.query_pairs().filter(|(_, value)| !value.is_empty()) {
            match name.as_ref() {
                "host" if value.contains(',') => return Err(ConfigError::SeveralHosts),
                "host" => config.host = value.into_owned(),
                "port" => {
                    config.port = value.parse().ok().filter(|port| *port > 0).ok_or(ConfigError::Port)?;
                }
                "user" => config.user = value.into_owned(),
                "password" => config.password = Some(Password(value.into_owned())),
                "dbname" => config.database = Some(value.into_owned()),
                // They change nothing that matters here.
                "connect_timeout" | "application_name" | "fallback_application_name" | "client_encoding" => {}
                "sslmode" => config.ssl_mode = value.parse()?,
                "sslrootcert" => config.ssl_root_cert = Some(value.as_ref().into()),
                "sslcert" => config.ssl_cert = Some(value.as_ref().into()),
                "sslkey" => config.ssl_key = Some(value.as_ref().into()),
                // Connections that turn out to be read-only are replaced in any case.
                "target_session_attrs" if matches!(&*value, "read-write" | "primary" | "any") => {}
                "target_session_attrs" => {
                    return Err(ConfigError::SessionAttributes { given: value.into_owned() });
                }
                _ => return Err(ConfigError::Parameter { name: name.into_owned() }),
            }
        }
        Ok(config)
    }

    /// Applies libpq's value `system` for the root certificate: the system's authorities, with the strictest mode.
    ///
    /// # Errors
    /// The given mode would not check the server's name.
    pub fn with_system_authorities(mut self) -> Result<Self, ConfigError> {
        if self.ssl_root_cert.as_deref() == Some(Path::new("system")) {
            self.ssl_root_cert = None;
            self.ssl_mode = match self.ssl_mode {
                SslMode::Prefer | SslMode::VerifyFull => SslMode::VerifyFull,
                mode => return Err(ConfigError::SystemAuthorities { mode }),
            };
        }
        Ok(self)
    }

    /// The mode as libpq applies it: with a root certificate, `require` verifies.
    fn effective_ssl_mode(&self) -> SslMode {
        match self.ssl_mode {
            SslMode::Require if self.ssl_root_cert.is_some() => SslMode::VerifyCa,
            mode => mode,
        }
    }

    /// Options for a connection that may lead through a pooler.
    pub(super) fn connect_options(&self) -> PgConnectOptions {
        let mut options = PgConnectOptions::new_without_pgpass()
            .host(&self.host)
            .port(self.port)
            .username(&self.user)
            .database(self.database.as_ref().unwrap_or(&self.user))
            .ssl_mode(self.effective_ssl_mode().into())
            // Poolers refuse it, and there are no floating-point numbers here.
            .extra_float_digits(None)
            .application_name("fibstack")
            // A statement that takes too long fails, and that is logged.
            .disable_statement_logging();
        if let Some(Password(password)) = &self.password {
            options = options.password(password);
        }
        options = match &self.ssl_root_cert {
            Some(path) => options.ssl_root_cert(path),
            // Otherwise sqlx would read the variable itself, and take an empty value for a file name.
            None => options.ssl_root_cert_from_pem(Vec::new()),
        };
        if let (Some(certificate), Some(key)) = (&self.ssl_cert, &self.ssl_key) {
            options = options.ssl_client_cert(certificate).ssl_client_key(key);
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
        .map_err(|_| ConfigError::NotAUrl { problem: "a percent-encoded part is not UTF-8".to_owned() })
}

#[cfg(test)]
mod tests;
