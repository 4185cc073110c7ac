//! HTTP client for a collector, with TLS if its address is `https://`.

use std::{fs, path::Path, sync::Arc, time::Duration};

use rustls::crypto::ring;
use ureq::{
    Agent,
    tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem},
};

use crate::SettingsError;

/// Time limit for the collector to respond.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Returns a client that trusts the authorities in `certificate`, or by default the system's.
pub(super) fn new(endpoint: &str, certificate: Option<&Path>) -> Result<Agent, SettingsError> {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .timeout_global(Some(RESPONSE_TIMEOUT));
    if endpoint.starts_with("https://") {
        let authorities = match certificate {
            Some(path) => authorities_in(path)?,
            None => systems_authorities(),
        };
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
            .root_certs(RootCerts::new_with_certs(&authorities))
            .build();
        config = config.tls_config(tls);
    }
    Ok(config.build().new_agent())
}

fn systems_authorities() -> Vec<Certificate<'static>> {
    let found = rustls_native_certs::load_native_certs();
    found.certs.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect()
}

fn authorities_in(path: &Path) -> Result<Vec<Certificate<'static>>, SettingsError> {
    let variable = "OTEL_EXPORTER_OTLP_CERTIFICATE".to_owned();
    let pem = match fs::read(path) {
        Ok(pem) => pem,
        Err(source) => return Err(SettingsError::File { variable, path: path.to_owned(), source }),
    };
    let certificates = parse_pem(&pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let certificates: Vec<_> = certificates.collect();
    if certificates.is_empty() {
        let path = path.display();
        return Err(SettingsError::Refused(format!(
            "{variable} names {path}, which contains no PEM certificate"
        )));
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        fs::write(&path, "no certificate").unwrap();
        let error = new("https://example.org", Some(&path)).unwrap_err().to_string();
        assert!(error.ends_with("ca.pem, which contains no PEM certificate"), "{error}");
        assert!(new("http://example.org", Some(&path)).is_ok());
    }
}
