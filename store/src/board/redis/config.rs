//! Connection settings for Redis.

use std::{fmt, fs, io, path::PathBuf, time::Duration};

use deadpool_redis::redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisError, TlsCertificates,
};

/// Connection settings for Redis.
#[derive(Clone)]
pub struct RedisConfig {
    /// Host name or IP address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// User name, if Redis has users (ACLs).
    pub username: Option<String>,
    /// Password; never shown.
    pub password: Option<String>,
    /// Use TLS and verify the server's certificate.
    pub tls: bool,
    /// PEM file of the authority that signed the server's certificate; default: the system's authorities.
    /// Only used with TLS.
    pub ca_certificate: Option<PathBuf>,
    /// Maximum number of pooled connections. Each subscription has a connection of its own in addition.
    pub pool_size: usize,
    /// Timeouts.
    pub deadlines: Deadlines,
}

/// Timeouts for Redis. Every wait is bounded by one of them.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// Getting a connection from the pool, including checking or opening it.
    pub connect: Duration,
    /// Receiving a reply, which may be a result of several megabytes.
    pub response: Duration,
    /// Interval at which a subscription pings Redis. Without pings, a half-open connection would go
    /// unnoticed forever.
    pub heartbeat: Duration,
}

/// Error in a [`RedisConfig`].
#[derive(Debug, thiserror::Error)]
pub enum RedisConfigError {
    /// The certificate file cannot be read.
    #[error("failed to read the certificate file {}: {error}", path.display())]
    CertificateFile {
        /// The file.
        path: PathBuf,
        /// Error from the operating system.
        #[source]
        error: io::Error,
    },
    /// The client library rejected the settings.
    #[error("invalid Redis settings: {0}")]
    Invalid(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl RedisConfig {
    /// Default for `pool_size`.
    pub const POOL_SIZE: usize = 8;

    /// Settings for plain TCP without a password.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            username: None,
            password: None,
            tls: false,
            ca_certificate: None,
            pool_size: Self::POOL_SIZE,
            deadlines: Deadlines::default(),
        }
    }

    /// Settings in the client library's form. Reads the certificate file; does not connect.
    pub(super) fn connection_info(&self) -> Result<ConnectionInfo, RedisConfigError> {
        let (host, port) = (self.host.clone(), self.port);
        let address = if self.tls {
            ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host, port)
        };
        let mut info = address.into_connection_info().map_err(RedisConfigError::invalid)?;
        let mut redis = info.redis_settings().clone();
        if let Some(username) = &self.username {
            redis = redis.set_username(username);
        }
        if let Some(password) = &self.password {
            redis = redis.set_password(password);
        }
        // Requests are small and wait for a reply, so send them at once.
        let tcp = info.tcp_settings().clone().set_nodelay(true);
        info = info.set_redis_settings(redis).set_tcp_settings(tcp);
        let Some(path) = self.ca_certificate.as_ref().filter(|_| self.tls) else { return Ok(info) };
        let pem = fs::read(path)
            .map_err(|error| RedisConfigError::CertificateFile { path: path.clone(), error })?;
        let certificates = TlsCertificates { client_tls: None, root_cert: Some(pem) };
        let client = Client::build_with_tls(info, certificates).map_err(RedisConfigError::invalid)?;
        Ok(client.get_connection_info().clone())
    }
}

impl RedisConfigError {
    fn invalid(error: RedisError) -> Self {
        Self::Invalid(Box::new(error))
    }
}

impl Default for Deadlines {
    /// 2 s for a connection, 5 s for a reply, a heartbeat every 10 s.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            response: Duration::from_secs(5),
            heartbeat: Duration::from_secs(10),
        }
    }
}

/// Omits the password.
impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConfig")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_| "[redacted]"))
            .field("tls", &self.tls)
            .field("ca_certificate", &self.ca_certificate)
            .field("pool_size", &self.pool_size)
            .field("deadlines", &self.deadlines)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_never_shown() {
        let config = RedisConfig { password: Some("hunter2".to_owned()), ..RedisConfig::new("redis", 6379) };
        let info = config.connection_info().unwrap();
        assert_eq!(info.redis_settings().password(), Some("hunter2"));
        for shown in [format!("{config:?}"), format!("{info:?}")] {
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn the_error_names_a_missing_certificate_file() {
        let config = RedisConfig {
            tls: true,
            ca_certificate: Some("/nowhere/ca.pem".into()),
            ..RedisConfig::new("redis", 6379)
        };
        let error = config.connection_info().unwrap_err().to_string();
        assert!(error.contains("/nowhere/ca.pem"), "{error}");
    }
}
