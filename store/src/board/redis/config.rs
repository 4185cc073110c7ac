//! Where the Board's Redis is, and how to talk to it.

use std::{fmt, fs, io, path::PathBuf, time::Duration};

use deadpool_redis::redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisError, TlsCertificates,
};

/// Where the Board's Redis is, and how to talk to it.
#[derive(Clone)]
pub struct RedisConfig {
    /// Host name or IP address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// User, where Redis has users (ACLs).
    pub username: Option<String>,
    /// Password. Never shown.
    pub password: Option<String>,
    /// Talk TLS, and check the server's certificate.
    pub tls: bool,
    /// PEM file of the authority that signed the server's certificate; the system's authorities if
    /// absent. For TLS alone.
    pub ca_certificate: Option<PathBuf>,
    /// The most connections at a time. Subscriptions have their own beside them.
    pub pool_size: usize,
    /// How long is waited for what.
    pub deadlines: Deadlines,
}

/// How long is waited for Redis. Nothing waits for ever.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// For a connection: a free one of the pool, checked or made anew.
    pub connect: Duration,
    /// For an answer, a result of megabytes included.
    pub response: Duration,
    /// How often a subscription asks whether its partner is still there. Silence alone says nothing:
    /// a connection that is half open stays silent for ever.
    pub heartbeat: Duration,
}

/// Why a [`RedisConfig`] can't be used.
#[derive(Debug, thiserror::Error)]
pub enum RedisConfigError {
    /// The certificate file can't be read.
    #[error("the certificate file {} can't be read: {error}", path.display())]
    CertificateFile {
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        #[source]
        error: io::Error,
    },
    /// The client library refused.
    #[error("these settings for Redis can't be used: {0}")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl RedisConfig {
    /// How many connections a pool has unless told otherwise.
    pub const POOL_SIZE: usize = 8;

    /// Plain TCP, no password.
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

    /// What the client library needs. Reads the certificate file; talks to nobody.
    pub(super) fn connection_info(&self) -> Result<ConnectionInfo, RedisConfigError> {
        let (host, port) = (self.host.clone(), self.port);
        let address = if self.tls {
            ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host, port)
        };
        let mut info = address.into_connection_info().map_err(RedisConfigError::refused)?;
        let mut redis = info.redis_settings().clone();
        if let Some(username) = &self.username {
            redis = redis.set_username(username);
        }
        if let Some(password) = &self.password {
            redis = redis.set_password(password);
        }
        // A command waits for its answer: never hold back what is small.
        let tcp = info.tcp_settings().clone().set_nodelay(true);
        info = info.set_redis_settings(redis).set_tcp_settings(tcp);
        let Some(path) = self.ca_certificate.as_ref().filter(|_| self.tls) else { return Ok(info) };
        let pem = fs::read(path)
            .map_err(|error| RedisConfigError::CertificateFile { path: path.clone(), error })?;
        let certificates = TlsCertificates { client_tls: None, root_cert: Some(pem) };
        let client = Client::build_with_tls(info, certificates).map_err(RedisConfigError::refused)?;
        Ok(client.get_connection_info().clone())
    }
}

impl RedisConfigError {
    fn refused(error: RedisError) -> Self {
        Self::Refused(Box::new(error))
    }
}

impl Default for Deadlines {
    /// 2 s for a connection, 5 s for an answer, a heartbeat every 10 s.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            response: Duration::from_secs(5),
            heartbeat: Duration::from_secs(10),
        }
    }
}

/// Without the password.
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
    fn a_certificate_that_is_missing_is_named() {
        let config = RedisConfig {
            tls: true,
            ca_certificate: Some("/nowhere/ca.pem".into()),
            ..RedisConfig::new("redis", 6379)
        };
        let error = config.connection_info().unwrap_err().to_string();
        assert!(error.contains("/nowhere/ca.pem"), "{error}");
    }
}
