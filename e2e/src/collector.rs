//! An OpenTelemetry collector for tests.

use std::{
    collections::BTreeSet,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post, serve::Listener};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::Span,
};
use prost::Message;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use throwaway::{Folder, certificates};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// A span, the service that sent it, and the request's header `x-key`.
#[derive(Clone, Debug)]
pub struct Sent {
    /// `service.name`.
    pub service: String,
    /// The span.
    pub span: Span,
    /// The header.
    pub key: Option<String>,
}

type Spans = Arc<Mutex<Vec<Sent>>>;

/// An OpenTelemetry collector that receives spans by OTLP over HTTP and remembers them.
#[derive(Debug)]
pub struct Collector {
    endpoint: String,
    spans: Spans,
    serving: JoinHandle<()>,
    /// Folder of its certificate and authority.
    folder: Option<Folder>,
}

impl Collector {
    /// Starts a collector.
    ///
    /// # Panics
    /// Panics if no port is free.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
        Self::serve("http", listener, None)
    }

    /// Starts a collector that accepts only TLS, with a certificate of its own authority.
    ///
    /// # Panics
    /// Panics if no port is free, or the certificate cannot be created.
    pub async fn start_tls() -> Self {
        let folder = Folder::new("collector").expect("it is created");
        certificates::make(folder.path(), "IP:127.0.0.1").expect("openssl is installed");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
        let acceptor = acceptor(folder.path());
        Self::serve("https", TlsListener { listener, acceptor }, Some(folder))
    }

    fn serve<L: Listener<Addr = SocketAddr>>(scheme: &str, listener: L, folder: Option<Folder>) -> Self {
        let endpoint = format!("{scheme}://{}", listener.local_addr().expect("it is bound"));
        let spans = Spans::default();
        let router = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&spans));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { endpoint, spans, serving, folder }
    }

    /// File of the authority that signed its certificate.
    ///
    /// # Panics
    /// Panics if it does not use TLS.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.folder.as_ref().expect("it uses TLS").path().join("ca.pem")
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

fn acceptor(folder: &Path) -> TlsAcceptor {
    let chain = CertificateDer::pem_file_iter(folder.join("server.pem")).expect("it can be read");
    let chain = chain.collect::<Result<_, _>>().expect("it is valid");
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).expect("it is valid");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider supports them")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("the key belongs to the certificate");
    Arc::new(config).into()
}

/// Accepts connections that use TLS and drops others.
struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.listener).await;
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

async fn take(State(spans): State<Spans>, headers: HeaderMap, body: Bytes) {
    let key = headers.get("x-key").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let request = ExportTraceServiceRequest::decode(body).expect("the body is an OTLP request");
    for resource in request.resource_spans {
        let attributes = resource.resource.map(|resource| resource.attributes).unwrap_or_default();
        let service = text(&attributes, "service.name").unwrap_or_default();
        let sent = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
        locked(&spans).extend(sent.map(|span| Sent { service: service.clone(), span, key: key.clone() }));
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
