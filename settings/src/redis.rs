//! Where Redis is.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;

use crate::{
    Secret, SettingsError,
    check::{file, host, port, text},
    secret::secret,
};

/// Where Redis is, and how to talk to it.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Redis")]
pub struct RedisSettings {
    /// Host name or IP address, without the port.
    #[arg(id = "REDIS_HOST", long = "redis-host", env = "REDIS_HOST", value_parser = host("REDIS_PORT"))]
    pub host: Option<String>,
    /// Port.
    #[arg(id = "REDIS_PORT", long = "redis-port", env = "REDIS_PORT", default_value = "6379", value_parser = port)]
    pub port: u16,
    /// User name, where Redis has users (ACLs). Default: Redis' own default user.
    #[arg(id = "REDIS_USERNAME", long = "redis-username", env = "REDIS_USERNAME", value_parser = text)]
    pub username: Option<String>,
    /// Password. Better given as a file: the environment of a process can be read by others.
    #[arg(
        id = "REDIS_PASSWORD", long = "redis-password", env = "REDIS_PASSWORD",
        hide_env_values = true, value_parser = secret,
    )]
    pub password: Option<Secret>,
    /// File that holds the password, instead of `REDIS_PASSWORD`.
    #[arg(id = "REDIS_PASSWORD_FILE", long = "redis-password-file", env = "REDIS_PASSWORD_FILE")]
    pub password_file: Option<PathBuf>,
    /// Talk TLS, and check the server's certificate. Needed for `ElastiCache` with encryption in transit.
    #[arg(
        id = "REDIS_TLS", long = "redis-tls", env = "REDIS_TLS", default_value = "false",
        num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set,
        value_parser = BoolishValueParser::new(),
    )]
    pub tls: bool,
    /// PEM file of the authority that signed the server's certificate. Default: the system's authorities.
    #[arg(
        id = "REDIS_TLS_CA_FILE", long = "redis-tls-ca-file", env = "REDIS_TLS_CA_FILE",
        value_parser = file,
    )]
    pub tls_ca_file: Option<PathBuf>,
}

impl RedisSettings {
    /// Is Redis named at all?
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.host.is_some()
    }

    /// The password, from wherever it is given.
    ///
    /// # Errors
    /// It is given twice, or its file can't be read.
    pub fn password(&self) -> Result<Option<Secret>, SettingsError> {
        Secret::from_either("REDIS_PASSWORD", self.password.as_ref(), self.password_file.as_deref())
    }

    /// Is anything wrong with these settings together?
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), SettingsError> {
        self.password()?;
        if self.tls_ca_file.is_some() && !self.tls {
            return Err(SettingsError::Refused(
                "REDIS_TLS_CA_FILE is set, but REDIS_TLS is not: set REDIS_TLS=true, or neither".to_owned(),
            ));
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
        redis: RedisSettings,
    }

    fn read(arguments: &[&str]) -> Result<RedisSettings, String> {
        Settings::try_parse_from([&["test"], arguments].concat())
            .map(|settings| settings.redis)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_set_means_no_redis_and_the_usual_port() {
        let settings = read(&[]).unwrap();
        assert!(!settings.is_set());
        assert_eq!((settings.port, settings.tls), (6379, false));
    }

    #[test]
    fn a_refusal_names_the_variable_the_value_and_what_is_allowed() {
        let error = read(&["--redis-host", "my.cache.amazonaws.com:6379"]).unwrap_err();
        for part in ["REDIS_HOST", "'my.cache.amazonaws.com:6379'", "put “6379” into REDIS_PORT"] {
            assert!(error.contains(part), "{part} is missing: {error}");
        }
        let error = read(&["--redis-port", "70000"]).unwrap_err();
        for part in ["REDIS_PORT", "'70000'", "from 1 to 65535"] {
            assert!(error.contains(part), "{part} is missing: {error}");
        }
        let error = read(&["--redis-tls", "perhaps"]).unwrap_err();
        for part in ["REDIS_TLS", "'perhaps'"] {
            assert!(error.contains(part), "{part} is missing: {error}");
        }
        let error = read(&["--redis-tls", "--redis-tls-ca-file", "/nowhere"]).unwrap_err();
        for part in ["REDIS_TLS_CA_FILE", "'/nowhere'", "a file"] {
            assert!(error.contains(part), "{part} is missing: {error}");
        }
    }

    #[test]
    fn tls_is_on_in_any_usual_spelling() {
        for on in ["true", "1", "yes", "on"] {
            assert!(read(&["--redis-tls", on]).unwrap().tls, "{on}");
        }
        assert!(read(&["--redis-tls"]).unwrap().tls);
        assert!(!read(&["--redis-tls", "0"]).unwrap().tls);
    }

    #[test]
    fn a_certificate_without_tls_is_refused() {
        let here = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let settings = read(&["--redis-tls-ca-file", here]).unwrap();
        assert!(settings.check().unwrap_err().to_string().contains("REDIS_TLS is not"));
    }

    #[test]
    fn no_password_is_ever_shown() {
        let settings = read(&["--redis-password", "hunter2"]).unwrap();
        assert_eq!(settings.password().unwrap().unwrap().expose(), "hunter2");
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}
