//! Export of spans to OpenTelemetry.

#[cfg(feature = "telemetry")]
mod otlp;

use store::SpanSink;

/// Settings for the export of spans. Nothing is started unless a collector is set.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "OpenTelemetry")]
pub struct TelemetrySettings {
    /// Collector that receives a trace of each index, by OTLP over HTTP: `http://127.0.0.1:4318`.
    /// `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_EXPORTER_OTLP_HEADERS` and `OTEL_BSP_*` also
    /// apply.
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
        _ => Err("must be the http:// address of a local collector, such as http://127.0.0.1:4318; let the \
                  collector forward over https"
            .to_owned()),
    }
}

/// A running exporter, or none.
#[derive(Default)]
pub struct Telemetry {
    sink: Option<SpanSink>,
    stop: Option<Box<dyn FnOnce() + Send>>,
}

impl TelemetrySettings {
    /// Starts exporting under this service name. Errors are logged and have no other effect.
    #[must_use]
    pub fn start(&self, service: &'static str) -> Telemetry {
        let Some(endpoint) = &self.endpoint else { return Telemetry::default() };
        start(endpoint, service)
    }
}

#[cfg(feature = "telemetry")]
fn start(endpoint: &str, service: &'static str) -> Telemetry {
    otlp::start(endpoint, service).unwrap_or_else(|error| {
        tracing::warn!(%error, "failed to start the export of spans");
        Telemetry::default()
    })
}

#[cfg(not(feature = "telemetry"))]
fn start(_endpoint: &str, _service: &'static str) -> Telemetry {
    tracing::warn!("spans are not exported: compiled without the feature `telemetry`");
    Telemetry::default()
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
    fn a_collector_must_be_an_http_address() {
        assert_eq!(collector(" http://127.0.0.1:4318/ "), Ok("http://127.0.0.1:4318".to_owned()));
        for wrong in ["127.0.0.1:4318", "https://collector.example.org", "http://"] {
            assert!(collector(wrong).is_err_and(|error| error.contains("http://127.0.0.1:4318")), "{wrong}");
        }
    }
}
