//! Where spans go.

#[cfg(feature = "telemetry")]
mod otlp;

use store::SpanSink;

/// Where spans go. Nothing is loaded or started unless the collector is named.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "OpenTelemetry")]
pub struct TelemetrySettings {
    /// Collector that is sent the way of each index as spans, by OTLP over HTTP: `http://127.0.0.1:4318`.
    /// `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_EXPORTER_OTLP_HEADERS` and `OTEL_BSP_*` are
    /// read, too.
    #[arg(
        id = "OTEL_EXPORTER_OTLP_ENDPOINT", long = "otel-exporter-otlp-endpoint",
        env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_parser = collector,
    )]
    pub endpoint: Option<String>,
}

fn collector(text: &str) -> Result<String, String> {
    let url = text.trim().trim_end_matches('/');
    match url.strip_prefix("http://") {
        Some(host) if !host.is_empty() => Ok(url.to_owned()),
        _ => Err("allowed is the address of a collector nearby, http://127.0.0.1:4318; it talks https \
                  to others"
            .to_owned()),
    }
}

/// What takes spans, until it is stopped.
#[derive(Default)]
pub struct Telemetry {
    sink: Option<SpanSink>,
    stop: Option<Box<dyn FnOnce() + Send>>,
}

impl TelemetrySettings {
    /// Starts to send, under this name of the service. Whatever goes wrong is logged and harms nothing else.
    #[must_use]
    pub fn start(&self, service: &'static str) -> Telemetry {
        let Some(endpoint) = &self.endpoint else { return Telemetry::default() };
        start(endpoint, service)
    }
}

#[cfg(feature = "telemetry")]
fn start(endpoint: &str, service: &'static str) -> Telemetry {
    otlp::start(endpoint, service).unwrap_or_else(|error| {
        tracing::warn!(%error, "no spans are sent");
        Telemetry::default()
    })
}

#[cfg(not(feature = "telemetry"))]
fn start(_endpoint: &str, _service: &'static str) -> Telemetry {
    tracing::warn!("no spans are sent: this program was compiled without its feature `telemetry`");
    Telemetry::default()
}

impl Telemetry {
    /// Who takes spans, if anybody does.
    #[must_use]
    pub fn sink(&self) -> Option<SpanSink> {
        self.sink.clone()
    }

    /// Sends what is left, for a moment. Blocks meanwhile.
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
    fn a_collector_is_an_address_without_tls() {
        assert_eq!(collector(" http://127.0.0.1:4318/ "), Ok("http://127.0.0.1:4318".to_owned()));
        for wrong in ["127.0.0.1:4318", "https://collector.example.org", "http://"] {
            assert!(collector(wrong).is_err_and(|error| error.contains("http://127.0.0.1:4318")), "{wrong}");
        }
    }
}
