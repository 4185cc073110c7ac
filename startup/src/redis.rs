//! Settings for Redis.

use std::path::PathBuf;

use store::RedisConfig;

use crate::{
    Secret, SettingsError,
    check::{certificates, host, port, switch, text},
    secret::secret,
};

/// Settings for Redis.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Redis")]
pub struct RedisSettings {
    /// Host name or IP address, without the port.
    #[arg(id = "REDIS_HOST", long = "redis-host", env = "REDIS_HOST", value_parser = host("REDIS_PORT"))]
    pub host: Option<String>,
    /// Port.
    #[arg(id = "REDIS_PORT", long = "redis-port", env = "REDIS_PORT", default_value = "6379", value_parser = port)]
    pub port: u16,
    /// User name, if Redis has users (ACLs). Default: Redis's own default user.
    #[arg(id = "REDIS_USERNAME", long = "redis-username", env = "REDIS_USERNAME", value_parser = text)]
    pub username: Option<String>,
    /// Password. Prefer a file: others may be able to read the environment of a process.
    #[arg(
        id = "REDIS_PASSWORD", long = "redis-password", env = "REDIS_PASSWORD",
        hide_env_values = true, value_parser = secret,
    )]
    pub password: Option<Secret>,
    /// File that holds the password, instead of `REDIS_PASSWORD`.
    #[arg(id = "REDIS_PASSWORD_FILE", long = "redis-password-file", env = "REDIS_PASSWORD_FILE")]
    pub password_file: Option<PathBuf>,
    /// Use TLS and verify the server's certificate. Needed for `ElastiCache` with encryption in transit.
    #[arg(
        id = "REDIS_TLS", long = "redis-tls", env = "REDIS_TLS", default_value = "false",
        num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set,
        value_parser = switch,
    )]
    pub tls: bool,
    /// PEM file of the authority that signed the server's certificate. Default: the system's authorities.
    #[arg(
        id = "REDIS_TLS_CA_FILE", long = "redis-tls-ca-file", env = "REDIS_TLS_CA_FILE",
        value_parser = certificates,
    )]
    pub tls_ca_file: Option<PathBuf>,
}

impl RedisSettings {
    /// Returns true if Redis is configured.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.host.is_some()
    }

    /// Returns the connection settings.
    ///
    /// # Errors
    /// Fails if `REDIS_HOST` is missing, the password is set twice, its file cannot be read, or a certificate
    /// is set without TLS.
    pub fn to_config(&self) -> Result<RedisConfig, SettingsError> {
        let refused = |why: &str| Err(SettingsError::Refused(why.to_owned()));
        let Some(host) = &self.host else {
            return refused("REDIS_HOST is missing: set it to the host name or IP address of Redis");
        };
        if self.tls_ca_file.is_some() && !self.tls {
            return refused("REDIS_TLS_CA_FILE is set, but REDIS_TLS is not: set REDIS_TLS=true, or neither");
        }
        let password =
            Secret::from_either("REDIS_PASSWORD", self.password.as_ref(), self.password_file.as_deref())?;
        Ok(RedisConfig {
            username: self.username.clone(),
            password: password.map(|password| password.expose().to_owned()),
            tls: self.tls,
            ca_certificate: self.tls_ca_file.clone(),
            ..RedisConfig::new(host, self.port)
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
        redis: RedisSettings,
    }

    fn read(arguments: &[&str]) -> Result<RedisSettings, String> {
        Settings::try_parse_from([&["test"], arguments].concat())
            .map(|settings| settings.redis)
            .map_err(|error| error.to_string())
    }

    fn refusal(settings: &RedisSettings) -> String {
        settings.to_config().err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn nothing_set_means_no_redis_and_the_usual_port() {
        let settings = read(&[]).unwrap();
        assert!(!settings.is_set());
        assert_eq!((settings.port, settings.tls), (6379, false));
        assert_eq!(
            refusal(&settings),
            "REDIS_HOST is missing: set it to the host name or IP address of Redis"
        );
    }

    #[test]
    fn the_error_names_the_variable_the_value_and_the_allowed_values() {
        let error = read(&["--redis-host", "my.cache.amazonaws.com:6379"]).unwrap_err();
        for part in ["REDIS_HOST", "'my.cache.amazonaws.com:6379'", "put “6379” in REDIS_PORT"] {
            assert!(error.contains(part), "{part} is missing: {error}");
        }
        let error = read(&["--redis-port", "70000"]).unwrap_err();
        for part in ["REDIS_PORT", "'70000'", "from 1 to 65535"] {
            assert!(error.contains(part), "{part} is missing: {error}");
        }
        let error = read(&["--redis-tls", "perhaps"]).unwrap_err();
        for part in ["REDIS_TLS", "'perhaps'", "true or false"] {
            assert!(error.contains(part), "{part} is missing: {error}");
        }
        let error = read(&["--redis-tls", "--redis-tls-ca-file", "/nowhere"]).unwrap_err();
        for part in ["REDIS_TLS_CA_FILE", "'/nowhere'", "cannot read this file"] {
            assert!(error.contains(part), "{part} is missing: {error}");
        }
    }

    #[test]
    fn tls_is_enabled_in_any_common_spelling() {
        for on in ["true", "1", "yes", "on"] {
            assert!(read(&["--redis-tls", on]).unwrap().tls, "{on}");
        }
        assert!(read(&["--redis-tls"]).unwrap().tls);
        assert!(!read(&["--redis-tls", "0"]).unwrap().tls);
    }

    #[test]
    fn a_certificate_without_tls_is_refused() {
        let here = concat!(env!("CARGO_MANIFEST_DIR"), "/../certificates/rds.pem");
        let settings = read(&["--redis-host", "cache", "--redis-tls-ca-file", here]).unwrap();
        assert!(refusal(&settings).contains("REDIS_TLS is not"));
    }

    #[test]
    fn a_missing_password_file_is_refused() {
        let settings = read(&["--redis-host", "cache", "--redis-password-file", "/nowhere"]).unwrap();
        assert!(refusal(&settings).starts_with("REDIS_PASSWORD_FILE names /nowhere"));
    }

    #[test]
    fn no_password_is_ever_shown() {
        let settings = read(&["--redis-host", "cache", "--redis-password", "hunter2"]).unwrap();
        assert_eq!(settings.to_config().unwrap().password.as_deref(), Some("hunter2"));
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
