//! An OpenTelemetry collector for tests.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{Router, body::Bytes, extract::State, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::Span,
};
use prost::Message;
use tokio::{net::TcpListener, task::JoinHandle};

/// A span, and the service that sent it.
#[derive(Clone, Debug)]
pub struct Sent {
    /// `service.name`.
    pub service: String,
    /// The span.
    pub span: Span,
}

type Spans = Arc<Mutex<Vec<Sent>>>;

/// An OpenTelemetry collector that receives spans by OTLP over HTTP and remembers them.
#[derive(Debug)]
pub struct Collector {
    endpoint: String,
    spans: Spans,
    serving: JoinHandle<()>,
}

impl Collector {
    /// Starts a collector.
    ///
    /// # Panics
    /// Panics if no port is free.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("it is bound"));
        let spans = Spans::default();
        let router = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&spans));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { endpoint, spans, serving }
    }

    /// Value for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Spans of an index received so far.
    #[must_use]
    pub fn spans_of(&self, index: u32) -> Vec<Sent> {
        let of_index = |sent: &&Sent| number(&sent.span.attributes, "fibstack.index") == Some(index.into());
        locked(&self.spans).iter().filter(of_index).cloned().collect()
    }

    /// Names of these spans.
    #[must_use]
    pub fn names(spans: &[Sent]) -> BTreeSet<&str> {
        spans.iter().map(|sent| sent.span.name.as_str()).collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn take(State(spans): State<Spans>, body: Bytes) {
    let request = ExportTraceServiceRequest::decode(body).expect("the body is an OTLP request");
    for resource in request.resource_spans {
        let attributes = resource.resource.map(|resource| resource.attributes).unwrap_or_default();
        let service = text(&attributes, "service.name").unwrap_or_default();
        let sent = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
        locked(&spans).extend(sent.map(|span| Sent { service: service.clone(), span }));
    }
}

fn locked(spans: &Spans) -> MutexGuard<'_, Vec<Sent>> {
    spans.lock().unwrap_or_else(PoisonError::into_inner)
}

fn value(attributes: &[KeyValue], name: &str) -> Option<Value> {
    attributes.iter().find(|attribute| attribute.key == name)?.value.clone()?.value
}

fn text(attributes: &[KeyValue], name: &str) -> Option<String> {
    match value(attributes, name)? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

fn number(attributes: &[KeyValue], name: &str) -> Option<i64> {
    match value(attributes, name)? {
        Value::IntValue(number) => Some(number),
        _ => None,
    }
}
