//! Limits on the number of connections and on how long a client may take. Without them, an unfinished request would
//! hold its connection forever, and a few hundred of those would use up all file descriptors.

mod activity;
mod limits;
mod refusal;
mod timed;

use std::{convert::Infallible, future::poll_fn, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo};
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

pub(crate) use self::limits::Limits;
use self::{
    activity::{Activity, Waiting},
    refusal::Refusal,
    timed::Timed,
};
use crate::problem::ApiProblem;

/// Maximum size of a request's head. nginx allows 8 KiB per header.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// Maximum number of clients over the limit that wait for another connection to be closed, or to be refused.
const MAX_SURPLUS: usize = 16;
/// Time limit for closing an evicted connection.
const EVICTION: Duration = Duration::from_secs(1);
/// Time that a new client waits while all connections are busy; also the pause after a failure to accept one.
const PAUSE: Duration = Duration::from_millis(100);

/// Readers of a listener's responses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Audience {
    /// Programs, which get problem documents.
    Programs,
    /// Programs and people; people get a page.
    People,
}

/// The connections of all listeners, which share their limits.
#[derive(Clone)]
pub(crate) struct Connections {
    limits: Limits,
    permits: Arc<Semaphore>,
    surplus: Arc<Semaphore>,
    turn: Arc<Mutex<()>>,
    waiting: Arc<Waiting>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Connections {
    /// Creates the shared limits. Each connection is a task in `tasks`; `stop` closes all connections gracefully.
    pub(crate) fn new(limits: Limits, tasks: TaskTracker, stop: CancellationToken) -> Self {
        let permits = Arc::new(Semaphore::new(limits.connections));
        let surplus = Arc::new(Semaphore::new(MAX_SURPLUS));
        Self { limits, permits, surplus, turn: Arc::default(), waiting: Arc::default(), tasks, stop }
    }

    /// Accepts connections until stopped.
    pub(crate) async fn serve(self, listener: TcpListener, router: Router, audience: Audience) {
        while let Some(accepted) = self.stop.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok((stream, peer)) => self.admit(Client { stream, peer, audience }, &router).await,
                // The client disconnected before it was accepted.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    tracing::error!(%error, "failed to accept a connection");
                    self.stop.run_until_cancelled(sleep(PAUSE)).await;
                }
            }
        }
    }

    /// Serves a client. At the limit, the connection that has been idle longest is closed to make room; if none is
    /// idle, the new client is refused.
    async fn admit(&self, client: Client, router: &Router) {
        let (this, router) = (self.clone(), router.clone());
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            self.start(client, router, permit);
            return;
        }
        metrics::counter!("fibstack_connections_over_limit_total").increment(1);
        // A refusal takes a file descriptor, too. If too many are in progress, the client is disconnected without one.
        let Ok(Ok(surplus)) = timeout(EVICTION, Arc::clone(&self.surplus).acquire_owned()).await else {
            return;
        };
        self.tasks.spawn(async move {
            match this.make_room().await {
                Some(permit) => this.start(client, router, permit),
                None => client.refuse().await,
            }
            drop(surplus);
        });
    }

    /// Closes the connection that has been idle longest and returns its permit, or `None` if all are busy. Only one
    /// client does this at a time; otherwise one could take the permit that another has freed.
    async fn make_room(&self) -> Option<OwnedSemaphorePermit> {
        let _turn = self.turn.lock().await;
        let evicted = self.waiting.evict_longest();
        let permit = Arc::clone(&self.permits).acquire_owned();
        timeout(if evicted { EVICTION } else { PAUSE }, permit).await.ok()?.ok()
    }

    fn start(&self, client: Client, router: Router, permit: OwnedSemaphorePermit) {
        let closing = self.stop.child_token();
        let activity = Activity::new(Arc::clone(&self.waiting), closing.clone());
        let limits = self.limits.clone();
        self.tasks.spawn(async move {
            let open = metrics::gauge!("fibstack_connections");
            open.increment(1.0);
            client.handle(router, &limits, activity, closing).await;
            open.decrement(1.0);
            drop(permit);
        });
    }
}

/// A client that has just connected.
struct Client {
    stream: TcpStream,
    peer: SocketAddr,
    audience: Audience,
}

impl Client {
    async fn refuse(self) {
        let as_page = self.audience == Audience::People && refusal::accepts_html(&self.stream).await;
        Refusal::of(&ApiProblem::too_many_connections(), as_page).send(self.stream).await;
    }

    async fn handle(self, router: Router, limits: &Limits, activity: Activity, closing: CancellationToken) {
        // Nagle's algorithm would only add delay: responses are not written in small pieces.
        let _ = self.stream.set_nodelay(true);
        let stream = Timed::new(self.stream, limits, activity.clone());
        let rest = serve_requests(stream, self.peer, router, &activity, &closing).await;
        if let Some(refused) = rest.refused() {
            let as_page = self.audience == Audience::People && rest.accepts_html();
            Refusal::of(&refused, as_page).send(rest.into_inner()).await;
        } else if rest.has_unread_request() {
            refusal::close(rest.into_inner()).await;
        }
    }
}

/// Serves requests until the connection ends. Returns the stream, so that a final response can be sent on it.
async fn serve_requests(
    stream: Timed,
    peer: SocketAddr,
    router: Router,
    activity: &Activity,
    closing: &CancellationToken,
) -> Timed {
    let router = TowerToHyperService::new(router);
    let service = service_fn(|mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        let busy = activity.begin_request();
        let response = hyper::service::Service::call(&router, request.map(Body::new));
        Box::pin(async move {
            let response = response.await.unwrap_or_else(|never: Infallible| match never {});
            Ok::<_, Infallible>(response.map(|body| busy.until_sent(body)))
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
    let (mut abandoned, mut is_http) = (false, true);
    loop {
        tokio::select! {
            ended = poll_fn(|context| connection.poll_without_shutdown(context)) => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection failed");
                    is_http = !error.is_parse();
                }
                break;
            }
            () = closing.cancelled(), if !activity.is_closing() => {
                // No request is in progress. A graceful shutdown would wait for the rest of an unfinished head.
                if activity.close() {
                    abandoned = true;
                    break;
                }
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
        }
    }
    let mut stream = connection.into_parts().io.into_inner();
    if abandoned {
        stream.abandon();
    } else if !is_http {
        stream.refuse();
    }
    stream
}
