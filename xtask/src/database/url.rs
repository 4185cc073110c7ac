//! `CONNECTION_URL`, split into its parts. Postgres's programs accept a URL only as an argument, and every user of the
//! machine could see the password in it. (`store`, which parses it for the servers, takes minutes to compile.)

use anyhow::{Context, Result, bail};
use percent_encoding::percent_decode_str;

/// The parts of `postgres://user:password@host:port/database?sslmode=…&sslrootcert=…`.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Parts {
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) host: Option<String>,
    pub(super) port: Option<String>,
    pub(super) database: Option<String>,
    pub(super) ssl_mode: Option<String>,
    pub(super) ssl_root_cert: Option<String>,
}

impl Parts {
    /// Splits a URL. No error quotes it, because it contains the password.
    pub(super) fn parse(url: &str) -> Result<Self> {
        let wrong = "CONNECTION_URL must be postgres://user:password@host:port/database";
        let (scheme, rest) = url.trim().split_once("://").context(wrong)?;
        if !matches!(scheme, "postgres" | "postgresql") {
            bail!(wrong);
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (who, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = who.split_once(':').map_or((who, None), |(user, it)| (user, Some(it)));
        // An IPv6 address contains colons itself, in brackets.
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => (place, ""),
        };
        let mut parts = Self {
            user: present(user)?,
            password: password.map(decoded).transpose()?,
            host: present(host.trim_start_matches('[').trim_end_matches(']'))?,
            port: present(port)?,
            database: present(database)?,
            ..Self::default()
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", value)) => parts.ssl_mode = Some(decoded(value)?),
                Some(("sslrootcert", value)) => parts.ssl_root_cert = Some(decoded(value)?),
                // The servers accept it, too.
                Some(("target_session_attrs", _)) => {}
                _ => bail!("CONNECTION_URL must not have parameters other than sslmode and sslrootcert"),
            }
        }
        Ok(parts)
    }
}

fn present(text: &str) -> Result<Option<String>> {
    (!text.is_empty()).then(|| decoded(text)).transpose()
}

fn decoded(text: &str) -> Result<String> {
    let decoded = percent_decode_str(text).decode_utf8().context("CONNECTION_URL must be UTF-8")?;
    Ok(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_split_into_its_parts() {
        let url = "postgresql://f%40b:p%3A%2Fw@[::1]:6543/my%20db?sslmode=verify-ca&sslrootcert=/etc/ca.pem";
        let text = |text: &str| Some(text.to_owned());
        let expected = Parts {
            user: text("f@b"),
            password: text("p:/w"),
            host: text("::1"),
            port: text("6543"),
            database: text("my db"),
            ssl_mode: text("verify-ca"),
            ssl_root_cert: text("/etc/ca.pem"),
        };
        assert_eq!(Parts::parse(url).unwrap(), expected);
        let short = Parts::parse("postgres://db").unwrap();
        assert_eq!(short, Parts { host: text("db"), ..Parts::default() });
        assert_eq!(Parts::parse("postgres://%2Frun%2Fpg/x").unwrap().host, text("/run/pg"));
    }

    #[test]
    fn an_error_does_not_show_the_password() {
        for url in [
            "mysql://u:hunter2@host/db",
            "host=db password=hunter2",
            "postgres://u:hunter2%ff@host",
            "postgres://u:hunter2@host/db?user=root",
        ] {
            let error = format!("{:#}", Parts::parse(url).unwrap_err());
            assert!(error.contains("CONNECTION_URL must") && !error.contains("hunter2"), "{error}");
        }
    }
}
