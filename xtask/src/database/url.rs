//! `CONNECTION_URL`, taken apart: programs of Postgres take it as an argument alone, where everybody on the machine
//! would see the password in it.

use anyhow::{Context, Result, bail};

/// What stands in `postgres://user:password@host:port/database?sslmode=…&sslrootcert=…`.
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
    /// No error shows the URL, since the password stands in it.
    pub(super) fn read(url: &str) -> Result<Self> {
        let wrong = "CONNECTION_URL is wrong: expected is postgres://user:password@host:port/database";
        let (scheme, rest) = url.trim().split_once("://").context(wrong)?;
        if !matches!(scheme, "postgres" | "postgresql") {
            bail!(wrong);
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (who, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = who.split_once(':').map_or((who, None), |(user, it)| (user, Some(it)));
        // An IPv6 address has colons of its own, in brackets.
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
                _ => bail!("CONNECTION_URL is wrong: of parameters it may have sslmode and sslrootcert"),
            }
        }
        Ok(parts)
    }
}

fn present(text: &str) -> Result<Option<String>> {
    (!text.is_empty()).then(|| decoded(text)).transpose()
}

/// Without its percent-encoding.
fn decoded(text: &str) -> Result<String> {
    let wrong = "CONNECTION_URL is wrong: something percent-encoded in it is no text";
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().context(wrong)?, rest.next().context(wrong)?];
            let digits = std::str::from_utf8(&digits).context(wrong)?;
            bytes.push(u8::from_str_radix(digits, 16).context(wrong)?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok().context(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
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
        assert_eq!(Parts::read(url).unwrap(), expected);
        let short = Parts::read("postgres://db").unwrap();
        assert_eq!(short, Parts { host: text("db"), ..Parts::default() });
        assert_eq!(Parts::read("postgres://%2Frun%2Fpg/x").unwrap().host, text("/run/pg"));
    }

    #[test]
    fn a_mistake_does_not_show_the_password() {
        for url in [
            "mysql://u:hunter2@host/db",
            "host=db password=hunter2",
            "postgres://u:hunter2%@host",
            "postgres://u:hunter2%zz@host",
            "postgres://u:hunter2@host/db?user=root",
        ] {
            let error = format!("{:#}", Parts::read(url).unwrap_err());
            assert!(error.contains("CONNECTION_URL is wrong") && !error.contains("hunter2"), "{error}");
        }
    }
}
