//! Connections: how many there may be, and how long a client may take. Without these limits, half a request would hold
//! its connection forever, and a few hundred of them all file descriptors.

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
/// Maximum number of clients that wait for a connection to be closed, or for their refusal.
const MAX_SURPLUS: usize = 16;
/// Time limit for an evicted connection to be closed.
const EVICTION: Duration = Duration::from_secs(1);
/// Time for which a client waits while all connections are busy, and pause after a failure to accept one.
const PAUSE: Duration = Duration::from_millis(100);

/// Readers of the responses of a listener.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Audience {
    /// Programs, which get problem documents.
    Programs,
    /// Also people, who get a page.
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
    /// Creates the shared limits. `tasks` gets a task per connection; `stop` ends them gracefully.
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
                // The client has gone already.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    tracing::error!(%error, "failed to accept a connection");
                    self.stop.run_until_cancelled(sleep(PAUSE)).await;
                }
            }
        }
    }

    /// Serves a client. If there are too many, the one that has been waiting for a request longest makes room; if all
    /// are busy, the new client is refused.
    async fn admit(&self, client: Client, router: &Router) {
        let (this, router) = (self.clone(), router.clone());
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            self.start(client, router, permit);
            return;
        }
        metrics::counter!("fibstack_connections_over_limit_total").increment(1);
        // Even a refusal takes a file descriptor. If there are too many of them, the client is dropped.
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

    /// Closes the connection that has been waiting longest and returns its permit, or `None` if all are busy. Clients take
    /// turns, so that none of them takes the room that another has made.
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
        // Nothing is written in small pieces that would be worth collecting.
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

/// Serves requests until the connection ends, and returns the stream for a last word.
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
        // `Timed` has separate limits for a head and for an idle connection, but only with this one does hyper read after
        // a response, and so find out whether the connection is idle.
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
                // hyper would wait for the rest of a head.
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
