//! HTTP on connections that are limited in number and in how long a client may take. Without limits, an unfinished
//! request would hold its connection forever, and a few hundred of those would use up all file descriptors.

mod activity;
mod clients;
mod limits;
mod refusal;
mod streamed;
mod timed;

use std::{
    convert::Infallible,
    future::poll_fn,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    task::Poll,
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Mutex, OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    activity::{Activity, ReceivedBody, Waiting},
    clients::Clients,
    refusal::Refusal,
    streamed::Streamed,
    timed::{Ending, Timed},
};
pub use self::{clients::network, limits::Limits, streamed::StreamedBody};

/// Maximum size of a request's head. nginx allows 8 KiB per header.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// Maximum number of clients over a limit that wait for another connection to be closed, or to be refused.
const MAX_SURPLUS: usize = 16;
/// Time limit for closing an evicted connection.
const EVICTION: Duration = Duration::from_secs(1);
/// Maximum number of connections without a permit for whose requests the server waits, so as not to reset them.
const MAX_LEAVING: usize = 16;
/// Time that a new client waits while all connections are busy; also the pause after a failure to accept one.
const PAUSE: Duration = Duration::from_millis(100);

/// Writes the headers and the body of an error that is sent without the router: 400, 408, 414 or 431 for an unreadable
/// request, or 503 when there are too many connections. The flag is true if the client accepts HTML.
pub type DescribeError = fn(StatusCode, bool) -> (HeaderMap, Vec<u8>);

/// The connections of all listeners, which share their limits.
#[derive(Clone)]
pub struct Connections(Arc<Shared>);

struct Shared {
    limits: Limits,
    permits: Arc<Semaphore>,
    clients: Clients,
    surplus: Arc<Semaphore>,
    leaving: Semaphore,
    turn: Mutex<()>,
    waiting: Arc<Waiting>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// Permits for one connection: one of all, and one of the client's unless it is unlimited.
struct Permits {
    _open: Open,
    _of_all: OwnedSemaphorePermit,
    _of_client: Option<OwnedSemaphorePermit>,
}

/// An open connection, counted in a metric.
struct Open;

impl Open {
    fn new() -> Self {
        metrics::gauge!("fibstack_connections").increment(1.0);
        Self
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        metrics::gauge!("fibstack_connections").decrement(1.0);
    }
}

impl Connections {
    /// Creates the shared limits. Each connection is a task in `tasks`; `stop` closes all connections gracefully.
    #[must_use]
    pub fn new(limits: Limits, tasks: TaskTracker, stop: CancellationToken) -> Self {
        Self(Arc::new(Shared {
            permits: Arc::new(Semaphore::new(limits.connections)),
            clients: Clients::new(limits.per_client, limits.unlimited.clone()),
            surplus: Arc::new(Semaphore::new(MAX_SURPLUS)),
            leaving: Semaphore::new(MAX_LEAVING),
            turn: Mutex::default(),
            waiting: Arc::default(),
            limits,
            tasks,
            stop,
        }))
    }

    /// Accepts connections until stopped.
    pub async fn serve(self, listener: TcpListener, router: Router, describe: DescribeError) {
        let stop = self.0.stop.clone();
        while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok((stream, peer)) => self.admit(Client { stream, peer, describe }, &router).await,
                // The client disconnected before it was accepted.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    tracing::error!(%error, "failed to accept a connection");
                    stop.run_until_cancelled(sleep(PAUSE)).await;
                }
            }
        }
    }

    /// Serves a client. At the limit of all connections or of the client's, the one of them that has been idle longest
    /// is closed to make room; if none is idle, the new client is refused.
    async fn admit(&self, client: Client, router: &Router) {
        let (this, shared) = (self.clone(), &self.0);
        let of_client = shared.clients.permits(client.peer.ip());
        let own = of_client.as_ref().map(|permits| Arc::clone(permits).try_acquire_owned());
        let own_limit = matches!(own, Some(Err(_)));
        let of_client_held = own.and_then(Result::ok);
        if !own_limit && let Ok(permit) = Arc::clone(&shared.permits).try_acquire_owned() {
            self.start(
                client,
                router.clone(),
                Permits { _open: Open::new(), _of_all: permit, _of_client: of_client_held },
            );
            return;
        }
        drop(of_client_held);
        metrics::counter!("fibstack_connections_over_limit_total").increment(1);
        // A client at its own limit must not delay others.
        if own_limit && !shared.waiting.has_idle(network(client.peer.ip())) {
            shared.tasks.spawn(async move { this.leave(client.without_request()).await });
            return;
        }
        // A refusal takes a file descriptor, too. If too many are in progress, there is no time for this one.
        let Ok(Ok(surplus)) = timeout(EVICTION, Arc::clone(&shared.surplus).acquire_owned()).await else {
            client.without_request().close();
            return;
        };
        let router = router.clone();
        shared.tasks.spawn(async move {
            match this.make_room(client.peer, of_client).await {
                Some(permits) => this.start(client, router, permits),
                None => client.refuse().await,
            }
            drop(surplus);
        });
    }

    /// Closes the connections that have been idle longest, and returns their permits, or `None` if all are busy. Only
    /// one client does this at a time; otherwise one could take the permit that another has freed.
    async fn make_room(&self, peer: SocketAddr, of_client: Option<Arc<Semaphore>>) -> Option<Permits> {
        let _turn = self.0.turn.lock().await;
        let _of_client = match of_client {
            Some(permits) => Some(self.room(&permits, Some(peer)).await?),
            None => None,
        };
        let _of_all = self.room(&self.0.permits, None).await?;
        Some(Permits { _open: Open::new(), _of_all, _of_client })
    }

    /// Returns a permit, for which it closes the connection that has been idle longest, of all or of one client.
    async fn room(&self, permits: &Arc<Semaphore>, of: Option<SocketAddr>) -> Option<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(permits).try_acquire_owned() {
            return Some(permit);
        }
        let evicted = self.0.waiting.evict_longest(of.map(|peer| network(peer.ip())));
        let permit = Arc::clone(permits).acquire_owned();
        timeout(if evicted { EVICTION } else { PAUSE }, permit).await.ok()?.ok()
    }

    fn start(&self, client: Client, router: Router, permits: Permits) {
        let this = self.clone();
        let closing = self.0.stop.child_token();
        let activity = Activity::new(Arc::clone(&self.0.waiting), network(client.peer.ip()), closing.clone());
        self.0.tasks.spawn(async move {
            let shared = &this.0;
            match client.handle(router, &shared.limits, activity, closing).await {
                Handled::Closed => {}
                Handled::Evicted(evicted) => {
                    drop(permits);
                    this.leave(evicted).await;
                }
                // A task of its own, because this one has room for everything that hyper needs.
                Handled::Streaming { stream, body, is_chunked } => {
                    let (send, stop) = (shared.limits.send, shared.stop.clone());
                    shared.tasks.spawn(Streamed::new(stream, body, is_chunked, send, stop, permits));
                }
            }
        });
    }

    /// Closes a connection without a permit. Waits for a request that its client may have sent, if not too many others
    /// wait: the client would otherwise see a reset.
    async fn leave(&self, client: Evicted) {
        if !client.has_sent
            && !self.0.stop.is_cancelled()
            && let Ok(_permit) = self.0.leaving.try_acquire()
        {
            // Also ready when the client has closed the connection. `readable` would be ready too early: it may be wrong.
            let _ = timeout(EVICTION, client.stream.peek(&mut [0])).await;
        }
        client.close();
    }
}

/// A client that has just connected.
struct Client {
    stream: TcpStream,
    peer: SocketAddr,
    describe: DescribeError,
}

/// Outcome of serving a client.
enum Handled {
    Closed,
    Evicted(Evicted),
    /// The rest of a [`StreamedBody`] is to be sent.
    Streaming {
        stream: TcpStream,
        body: Body,
        is_chunked: bool,
    },
}

/// A client whose connection is closed to make room.
struct Evicted {
    stream: TcpStream,
    describe: DescribeError,
    /// True if part of a request has been read.
    has_sent: bool,
    accepts_html: bool,
}

impl Evicted {
    fn close(self) {
        let Self { stream, describe, has_sent, accepts_html } = self;
        refusal::leave(stream, has_sent.then_some(accepts_html), |accepts_html| {
            Refusal::new(describe, StatusCode::SERVICE_UNAVAILABLE, accepts_html)
        });
    }
}

impl Client {
    fn without_request(self) -> Evicted {
        Evicted { stream: self.stream, describe: self.describe, has_sent: false, accepts_html: false }
    }

    async fn refuse(self) {
        let accepts_html = refusal::accepts_html(&self.stream).await;
        let refusal = Refusal::new(self.describe, StatusCode::SERVICE_UNAVAILABLE, accepts_html);
        refusal.send(self.stream).await;
    }

    /// Serves the client's requests.
    async fn handle(
        self,
        router: Router,
        limits: &Limits,
        activity: Activity,
        closing: CancellationToken,
    ) -> Handled {
        // Nagle's algorithm would only add delay: responses are not written in small pieces.
        let _ = self.stream.set_nodelay(true);
        let stream = Timed::new(self.stream, limits, activity.clone());
        let (rest, streaming) = serve_requests(stream, self.peer, router, &activity, &closing).await;
        if let Some((body, is_chunked)) = streaming {
            return Handled::Streaming { stream: rest.into_inner(), body, is_chunked };
        }
        let (ending, accepts_html) = (rest.ending(), rest.accepts_html());
        let stream = rest.into_inner();
        match ending {
            Ending::Finished => {}
            Ending::MaySend => refusal::close(stream).await,
            Ending::Refused(status) => {
                Refusal::new(self.describe, status, accepts_html).send(stream).await;
            }
            Ending::Evicted { has_sent } => {
                return Handled::Evicted(Evicted { stream, describe: self.describe, has_sent, accepts_html });
            }
        }
        Handled::Closed
    }
}

/// Serves requests until the connection ends. Returns the stream, so that a final response can be sent on it, and the
/// [`StreamedBody`] of which the head has been sent, with its framing.
async fn serve_requests(
    stream: Timed,
    peer: SocketAddr,
    router: Router,
    activity: &Activity,
    closing: &CancellationToken,
) -> (Timed, Option<(Body, bool)>) {
    let streaming = OnceLock::new();
    let router = TowerToHyperService::new(router);
    let service = service_fn(|mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let busy = activity.begin_request();
        let (is_head, is_chunked) = (request.method() == Method::HEAD, request.version() >= Version::HTTP_11);
        let request = request.map(|body| Body::new(ReceivedBody::new(body, activity.clone())));
        let (activity, streaming) = (activity.clone(), &streaming);
        let response = hyper::service::Service::call(&router, request);
        Box::pin(async move {
            let mut response = response.await.unwrap_or_else(|never: Infallible| match never {});
            if let Some(body) = response.extensions_mut().remove::<StreamedBody>().filter(|_| !is_head) {
                activity.response_is_endless();
                body.claim();
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                let _ = streaming.set((body, is_chunked));
            }
            Ok::<_, Infallible>(without_wrong_length(response).map(|body| busy.until_sent(body)))
        })
    });
    let head_limit = stream.head_limit();
    let mut connection = http1::Builder::new()
        .max_header_size(MAX_HEAD_BYTES)
        .timer(TokioTimer::new())
        // `Timed` enforces separate limits for a head and for an idle connection. This one is set because without it
        // hyper would not read after a response, and `Timed` would not notice that the connection is idle.
        .header_read_timeout(head_limit)
        .serve_connection(TokioIo::new(stream), service);
    let (mut evicted, mut is_http, mut handed_over) = (false, true, None);
    loop {
        tokio::select! {
            // A request that has arrived is served, even if the connection is to be closed.
            biased;
            ended = poll_fn(|context| match connection.poll_without_shutdown(context) {
                // hyper has sent all that it has: the head, and earlier responses.
                Poll::Pending if !activity.is_sending() => {
                    handed_over = streaming.get().and_then(|(body, is_chunked)| Some((body.take()?, *is_chunked)));
                    if handed_over.is_some() { Poll::Ready(Ok(())) } else { Poll::Pending }
                }
                polled => polled,
            }) => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection failed");
                    is_http = !error.is_parse();
                }
                break;
            }
            () = closing.cancelled(), if !activity.is_closing() => {
                // No request is in progress. A graceful shutdown would wait for the rest of an unfinished head.
                if activity.close() {
                    evicted = true;
                    break;
                }
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
        }
    }
    if handed_over.is_some() {
        // Still not idle, although the response is no longer hyper's.
        activity.set_sending(true);
    }
    let mut stream = connection.into_parts().io.into_inner();
    if evicted {
        stream.evict();
    } else if !is_http {
        stream.refuse();
    }
    (stream, handed_over)
}

/// Removes the `Content-Length` that axum gives a 304 to HEAD: it would be that of the empty body instead of the
/// representation (RFC 9110, section 8.6).
fn without_wrong_length(mut response: axum::response::Response) -> axum::response::Response {
    if response.status() == StatusCode::NOT_MODIFIED {
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    response
}
