//! Value parsers for single settings. clap prefixes their errors with `invalid value '…' for '--redis-port
//! <REDIS_PORT>': `, so they need not repeat variable and value.

use std::{
    net::{Ipv6Addr, SocketAddr},
    ops::RangeInclusive,
    path::PathBuf,
};

/// Parses a whole number within `allowed`, in `unit`.
pub fn number<T>(
    allowed: RangeInclusive<T>,
    unit: &'static str,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: TryFrom<u64> + Into<u64> + Copy + Send + Sync + 'static,
{
    let (lowest, highest) = (*allowed.start(), *allowed.end());
    move |text| {
        let number = text.trim().parse::<u64>().ok();
        number
            .filter(|number| (lowest.into()..=highest.into()).contains(number))
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| {
                let (lowest, highest): (u64, u64) = (lowest.into(), highest.into());
                format!("must be a whole number from {lowest} to {highest}{}{unit}", space(unit))
            })
    }
}

fn space(unit: &str) -> &'static str {
    if unit.is_empty() { "" } else { " " }
}

/// Parses a port. Kubernetes and Docker links set `REDIS_PORT=tcp://10.0.0.1:6379`, which is not one.
pub(crate) fn port(text: &str) -> Result<u16, String> {
    let hint = if text.contains("://") { " (only the number, not an address)" } else { "" };
    number(1..=u16::MAX, "")(text).map_err(|error| format!("{error}{hint}"))
}

/// Parses an address to listen on.
///
/// # Errors
/// Fails if it is not an IP address and a port.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    text.trim().parse().map_err(|_| {
        "must be an IP address and a port: 127.0.0.1:3000, or 0.0.0.0:3000 for every interface".to_owned()
    })
}

/// Parses a host name or address. A copied endpoint often includes a port or a scheme.
pub(crate) fn host(
    port_variable: &'static str,
) -> impl Fn(&str) -> Result<String, String> + Clone + Send + Sync + 'static {
    move |text| {
        let host = text.trim();
        // An IPv6 address contains colons itself. It may be in brackets, as in a URL.
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        if bare.parse::<Ipv6Addr>().is_ok() {
            return Ok(bare.to_owned());
        }
        if host.contains("://") {
            return Err(format!("must be only the host, without a scheme; put the port in {port_variable}"));
        }
        if host.contains(',') {
            return Err(
                "must be one host: several are not supported; name one that leads to the primary".to_owned()
            );
        }
        if let Some((name, port)) = host.rsplit_once(':') {
            return Err(format!("must be only the host, “{name}”; put “{port}” in {port_variable}"));
        }
        if host.contains(|character: char| character.is_whitespace() || "/@?#,".contains(character)) {
            return Err("must be a host name or an IP address".to_owned());
        }
        Ok(host.to_owned())
    }
}

/// Like [`host`], but also accepts the folder of a Unix socket, like libpq.
pub(crate) fn host_or_socket(
    port_variable: &'static str,
) -> impl Fn(&str) -> Result<String, String> + Clone + Send + Sync + 'static {
    let host = host(port_variable);
    move |text| if text.starts_with('/') { Ok(text.to_owned()) } else { host(text) }
}

/// Parses a boolean in any common spelling.
pub(crate) fn switch(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err("must be true or false".to_owned()),
    }
}

/// Parses the path of a file that exists.
pub(crate) fn file(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text.trim());
    match path.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(path),
        Ok(_) => Err("must be a regular file".to_owned()),
        Err(error) => Err(format!("cannot read this file: {error}")),
    }
}

/// Parses the path of a file of certificates or keys in PEM format, which must contain `begin`.
fn pem(text: &str, begin: &str, what: &str) -> Result<PathBuf, String> {
    let path = file(text)?;
    let content = std::fs::read(&path).map_err(|error| format!("cannot read this file: {error}"))?;
    // The first byte of a certificate in binary form.
    if content.first() == Some(&0x30) {
        return Err(format!(
            "must be {what} in PEM format; this file is in DER format: convert it with `openssl x509 -inform der`"
        ));
    }
    if String::from_utf8_lossy(&content).contains(begin) {
        Ok(path)
    } else {
        Err(format!("must be {what} in PEM format; this file contains no “{begin}”"))
    }
}

/// Parses the path of a file of certificates.
pub(crate) fn certificates(text: &str) -> Result<PathBuf, String> {
    pem(text, "-----BEGIN CERTIFICATE-----", "certificates")
}

/// Parses the path of a file with a private key.
pub(crate) fn private_key(text: &str) -> Result<PathBuf, String> {
    pem(text, "PRIVATE KEY-----", "a private key")
}

/// Parses text and trims surrounding whitespace.
pub(crate) fn text(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("must not be blank".to_owned()),
        text => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address() {
        for good in ["redis", "my.cache.amazonaws.com", "10.0.0.1", "::1", "fe80::1"] {
            assert_eq!(host("REDIS_PORT")(good).as_deref(), Ok(good));
        }
        assert_eq!(host("REDIS_PORT")(" [::1] ").as_deref(), Ok("::1"));
    }

    #[test]
    fn a_copied_endpoint_is_refused_and_the_error_names_the_port_variable() {
        let error = host("REDIS_PORT")("my.cache.amazonaws.com:6379").unwrap_err();
        assert_eq!(error, "must be only the host, “my.cache.amazonaws.com”; put “6379” in REDIS_PORT");
        let error = host("PGPORT")("[::1]:5432").unwrap_err();
        assert_eq!(error, "must be only the host, “[::1]”; put “5432” in PGPORT");
    }

    #[test]
    fn a_scheme_is_refused() {
        let error = host("REDIS_PORT")("redis://cache:6379").unwrap_err();
        assert!(error.contains("without a scheme") && error.contains("REDIS_PORT"), "{error}");
    }

    #[test]
    fn text_that_is_not_a_host_is_refused() {
        for bad in ["a b", "a/b", "user@host", "a,b"] {
            assert!(host("PGPORT")(bad).is_err(), "{bad}");
        }
        assert!(host("REDIS_PORT")("/run/redis").is_err());
        assert_eq!(host_or_socket("PGPORT")("/run/postgresql").as_deref(), Ok("/run/postgresql"));
    }

    #[test]
    fn a_port_is_a_number() {
        assert_eq!(port("6379"), Ok(6379));
        for bad in ["0", "65536", "-1", "x", "6379.0"] {
            assert_eq!(port(bad).unwrap_err(), "must be a whole number from 1 to 65535", "{bad}");
        }
        assert!(port("tcp://10.0.0.1:6379").unwrap_err().contains("only the number"));
    }

    #[test]
    fn the_error_states_the_range_with_its_unit() {
        let error = number(100_u64..=60_000, "ms")("5").unwrap_err();
        assert_eq!(error, "must be a whole number from 100 to 60000 ms");
        assert_eq!(number(1_u32..=4, "")(" 4 "), Ok(4));
    }

    #[test]
    fn a_file_must_exist() {
        assert!(file("/nowhere/ca.pem").unwrap_err().contains("cannot read"));
        assert!(file("/").unwrap_err().contains("regular file"));
    }
}
