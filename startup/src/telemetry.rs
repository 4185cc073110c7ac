//! Export of spans to OpenTelemetry.

#[cfg(feature = "telemetry")]
mod otlp;

use std::path::PathBuf;

use store::SpanSink;

use crate::{Secret, SettingsError, check::file, error::or_exit, secret::secret};

/// Settings for the export of spans. Nothing is started unless a collector is set.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "OpenTelemetry")]
pub struct TelemetrySettings {
    /// Collector that receives a trace of each index, by OTLP over HTTP: `http://127.0.0.1:4318`, or
    /// `https://api.honeycomb.io`. `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_BSP_*` also
    /// apply.
    #[arg(
        id = "OTEL_EXPORTER_OTLP_ENDPOINT", long = "otel-exporter-otlp-endpoint",
        env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_parser = collector,
    )]
    pub endpoint: Option<String>,
    /// Headers for the collector, such as its key: `name=value`, separated by commas, percent-encoded.
    #[arg(
        id = "OTEL_EXPORTER_OTLP_HEADERS", long = "otel-exporter-otlp-headers",
        env = "OTEL_EXPORTER_OTLP_HEADERS", hide_env_values = true, value_parser = secret,
    )]
    pub headers: Option<Secret>,
    /// File that holds the headers, instead of `OTEL_EXPORTER_OTLP_HEADERS`.
    #[arg(
        id = "OTEL_EXPORTER_OTLP_HEADERS_FILE",
        long = "otel-exporter-otlp-headers-file",
        env = "OTEL_EXPORTER_OTLP_HEADERS_FILE"
    )]
    pub headers_file: Option<PathBuf>,
    /// PEM file of the authority that signed the collector's certificate. Default: the system's authorities.
    #[arg(
        id = "OTEL_EXPORTER_OTLP_CERTIFICATE", long = "otel-exporter-otlp-certificate",
        env = "OTEL_EXPORTER_OTLP_CERTIFICATE", value_parser = file,
    )]
    pub certificate: Option<PathBuf>,
}

fn collector(text: &str) -> Result<String, String> {
    let url = text.trim().trim_end_matches('/');
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    if host.is_empty() || url.contains(char::is_whitespace) {
        return Err("must be the http:// or https:// address of a collector, such as http://127.0.0.1:4318"
            .to_owned());
    }
    if host.contains('@') {
        return Err("must not contain a password: put it in OTEL_EXPORTER_OTLP_HEADERS".to_owned());
    }
    Ok(url.to_owned())
}

/// A running exporter, or none.
#[derive(Default)]
pub struct Telemetry {
    sink: Option<SpanSink>,
    stop: Option<Box<dyn FnOnce() + Send>>,
}

impl TelemetrySettings {
    /// Starts exporting under this service name. Ends the process if the settings are wrong.
    #[must_use]
    pub fn start(&self, service: &'static str) -> Telemetry {
        or_exit(self.try_start(service))
    }

    fn try_start(&self, service: &'static str) -> Result<Telemetry, SettingsError> {
        let Some(endpoint) = &self.endpoint else { return Ok(Telemetry::default()) };
        let variable = "OTEL_EXPORTER_OTLP_HEADERS";
        let headers = Secret::from_either(variable, self.headers.as_ref(), self.headers_file.as_deref())?;
        start(endpoint, headers.as_ref(), self.certificate.as_deref(), service)
    }
}

#[cfg(feature = "telemetry")]
use otlp::start;

#[cfg(not(feature = "telemetry"))]
#[expect(clippy::unnecessary_wraps, reason = "as with the feature")]
fn start(
    _endpoint: &str,
    _headers: Option<&Secret>,
    _certificate: Option<&std::path::Path>,
    _service: &'static str,
) -> Result<Telemetry, SettingsError> {
    tracing::warn!("spans are not exported: compiled without the feature `telemetry`");
    Ok(Telemetry::default())
}

impl Telemetry {
    /// Returns the sink for spans, if they are exported.
    #[must_use]
    pub fn sink(&self) -> Option<SpanSink> {
        self.sink.clone()
    }

    /// Exports the remaining spans. Blocks for up to a second.
    pub fn stop(self) {
        if let Some(stop) = self.stop {
            stop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_must_be_an_http_or_https_address() {
        let right = [
            (" http://127.0.0.1:4318/ ", "http://127.0.0.1:4318"),
            ("https://api.honeycomb.io", "https://api.honeycomb.io"),
            ("https://example.org/otlp/", "https://example.org/otlp"),
        ];
        for (text, url) in right {
            assert_eq!(collector(text).as_deref(), Ok(url));
        }
        for wrong in ["127.0.0.1:4318", "ftp://example.org", "http://", "https:///v1", "https://a b"] {
            assert!(collector(wrong).is_err_and(|error| error.contains("http://127.0.0.1:4318")), "{wrong}");
        }
        let error = collector("https://user:hunter2@example.org").unwrap_err();
        assert_eq!(error, "must not contain a password: put it in OTEL_EXPORTER_OTLP_HEADERS");
    }
}
