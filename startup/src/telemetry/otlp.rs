//! Sends spans to an OpenTelemetry collector in batches, from a dedicated thread. Its queue is bounded; spans
//! that do not fit are dropped.

mod client;
mod headers;

use std::{
    env,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use opentelemetry::{
    InstrumentationScope, KeyValue, SpanId, TraceFlags, TraceId,
    trace::{SpanContext, SpanKind, Status, TraceState},
};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor},
};
use store::spans::Span;
use ureq::Agent;

use super::Telemetry;
use crate::{Secret, SettingsError};

/// Time that a shutdown waits for the last spans to be sent.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

pub(super) fn start(
    endpoint: &str,
    headers: Option<&Secret>,
    certificate: Option<&Path>,
    service: &'static str,
) -> Result<Telemetry, SettingsError> {
    let agent = client::new(endpoint, certificate)?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Collector { agent, answered: AtomicBool::new(true) })
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{endpoint}/v1/traces"))
        .with_headers(headers.map(headers::parse).transpose()?.unwrap_or_default())
        .build()
        .map_err(|error| SettingsError::Refused(format!("OTEL_EXPORTER_OTLP_ENDPOINT: {error}")))?;
    let mut processor = BatchSpanProcessor::builder(exporter).build();
    processor.set_resource(&resource(service));
    let processor = Arc::new(processor);
    let (taking, scope) = (Arc::clone(&processor), InstrumentationScope::builder("fibstack").build());
    tracing::info!(endpoint, "exporting spans");
    Ok(Telemetry {
        sink: Some(Arc::new(move |span| taking.on_end(data(span, &scope)))),
        // Spans that the collector does not accept in time are lost.
        stop: Some(Box::new(move || drop(processor.shutdown_with_timeout(FLUSH_TIMEOUT)))),
    })
}

/// Returns the resource from the environment, or otherwise one with this service name.
fn resource(service: &'static str) -> Resource {
    let attributes = env::var("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    if env::var_os("OTEL_SERVICE_NAME").is_some() || attributes.contains("service.name=") {
        return Resource::builder().build();
    }
    Resource::builder().with_service_name(service).build()
}

fn data(span: Span, scope: &InstrumentationScope) -> SpanData {
    let sampled = TraceFlags::SAMPLED;
    let (trace, id) = (TraceId::from(span.trace), SpanId::from(span.id));
    let mut attributes = vec![KeyValue::new("fibstack.index", i64::from(span.index.get()))];
    attributes.extend(span.worker.map(|worker| KeyValue::new("fibstack.worker", worker.to_string())));
    attributes.extend(span.attempt.map(|attempt| KeyValue::new("fibstack.attempt", i64::from(attempt))));
    SpanData {
        span_context: SpanContext::new(trace, id, sampled, false, TraceState::NONE),
        parent_span_id: span.parent.map_or(SpanId::INVALID, SpanId::from),
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: span.name.into(),
        start_time: time(span.start_us),
        end_time: time(span.end_us),
        attributes,
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: span.error.map_or(Status::Unset, Status::error),
        instrumentation_scope: scope.clone(),
    }
}

fn time(us: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(us)
}

/// A blocking HTTP client; the exporting thread may block.
#[derive(Debug)]
struct Collector {
    agent: Agent,
    /// True if the last request succeeded. Each loss and recovery is logged once.
    answered: AtomicBool,
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let url = request.uri().to_string();
        let answer = self.send(request);
        let well = matches!(&answer, Ok(response) if response.status().is_success());
        match (self.answered.swap(well, Ordering::Relaxed), &answer) {
            (false, Ok(_)) if well => tracing::info!("collector is accepting spans again"),
            (true, Ok(response)) if !well => {
                tracing::warn!(url, status = %response.status(), "collector rejected spans; dropped them");
            }
            (true, Err(error)) => tracing::warn!(url, %error, "collector unreachable; dropped spans"),
            _ => {}
        }
        answer
    }
}

impl Collector {
    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = self.agent.run(request.map(|body| body.to_vec()))?.into_parts();
        Ok(Response::from_parts(head, body.into_with_config().read_to_vec()?.into()))
    }
}
