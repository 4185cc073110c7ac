//! Tracks which connections are idle, waiting for a request, and for how long.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio_util::sync::CancellationToken;

/// The idle connections, those that have been waiting for a request longest first.
#[derive(Default)]
pub(super) struct Waiting(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    next: u64,
    connections: BTreeMap<u64, Connection>,
}

/// A connection and its client's [`network`](super::network).
#[derive(Clone)]
struct Connection {
    client: IpAddr,
    closing: CancellationToken,
}

impl Waiting {
    /// Closes the connection that has been idle longest, of all or of one client. Returns false if none is idle.
    pub(super) fn evict_longest(&self, client: Option<IpAddr>) -> bool {
        let mut queue = self.queue();
        let longest = queue.connections.iter().find(|(_, each)| client.is_none_or(|of| each.client == of));
        let Some(ticket) = longest.map(|(ticket, _)| *ticket) else { return false };
        if let Some(evicted) = queue.connections.remove(&ticket) {
            evicted.closing.cancel();
        }
        true
    }

    /// Returns true if a connection of this client is idle.
    pub(super) fn has_idle(&self, client: IpAddr) -> bool {
        self.queue().connections.values().any(|each| each.client == client)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Activity of one connection: idle or busy with a request.
#[derive(Clone)]
pub(super) struct Activity(Arc<Shared>);

struct Shared {
    waiting: Arc<Waiting>,
    connection: Connection,
    state: Mutex<State>,
}

struct State {
    /// Place in the queue of idle connections; `None` if the connection is busy.
    ticket: Option<u64>,
    /// True while the client is not reading the rest of a response.
    sending: bool,
    /// True during a request, until its response has been handed over for sending.
    in_request: bool,
    /// True if the response may end although the client has stopped sending: the whole request has been received, and
    /// the response is not an event stream.
    outlives_eof: bool,
    closing: bool,
}

impl Activity {
    /// Starts waiting for the first request. `closing` is cancelled to evict the connection.
    pub(super) fn new(waiting: Arc<Waiting>, client: IpAddr, closing: CancellationToken) -> Self {
        let state = Mutex::new(State {
            ticket: None,
            sending: false,
            in_request: false,
            outlives_eof: false,
            closing: false,
        });
        let activity = Self(Arc::new(Shared { waiting, connection: Connection { client, closing }, state }));
        activity.0.update(|_| ());
        activity
    }

    /// Starts a request, which lasts until its response has been sent or dropped.
    pub(super) fn begin_request(&self) -> Busy {
        self.0.update(|state| (state.in_request, state.outlives_eof) = (true, false));
        Busy(Arc::clone(&self.0))
    }

    /// Notes that the client has stopped or resumed reading a response, which may have left the hands of its request.
    pub(super) fn set_sending(&self, sending: bool) {
        self.0.update(|state| state.sending = sending);
    }

    /// Returns true while the client is not reading the rest of a response.
    pub(super) fn is_sending(&self) -> bool {
        self.0.state().sending
    }

    /// Notes that the whole request has been received.
    pub(super) fn request_received(&self) {
        self.0.state().outlives_eof = true;
    }

    /// Notes that the response lasts until the client disconnects.
    pub(super) fn response_is_endless(&self) {
        self.0.state().outlives_eof = false;
    }

    /// Returns true if the client is owed a response even if it has stopped sending.
    pub(super) fn owes_response(&self) -> bool {
        let state = self.0.state();
        state.in_request && state.outlives_eof
    }

    /// Returns the number of the current wait for a request, or `None` during a request.
    pub(super) fn wait_number(&self) -> Option<u64> {
        self.0.state().ticket
    }

    /// Returns true once [`Activity::close`] has been called.
    pub(super) fn is_closing(&self) -> bool {
        self.0.state().closing
    }

    /// Marks the connection as closing after the current request. Returns true if there is none.
    pub(super) fn close(&self) -> bool {
        let mut state = self.0.state();
        state.closing = true;
        state.ticket.is_some()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, then enters or leaves the queue accordingly.
    fn update(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        match state.ticket {
            Some(ticket) if state.is_busy() => {
                self.waiting.queue().connections.remove(&ticket);
                state.ticket = None;
            }
            None if !state.is_busy() => {
                state.ticket = Some(self.waiting.queue().add(self.connection.clone()));
            }
            _ => {}
        }
    }
}

impl State {
    const fn is_busy(&self) -> bool {
        self.in_request || self.sending
    }
}

impl Queue {
    fn add(&mut self, connection: Connection) -> u64 {
        let ticket = self.next;
        self.next += 1;
        self.connections.insert(ticket, connection);
        ticket
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.update(|state| state.in_request = true);
    }
}

/// A request in progress.
pub(super) struct Busy(Arc<Shared>);

impl Busy {
    /// Keeps the connection busy until the body of the response has been sent.
    pub(super) fn until_sent(self, body: Body) -> BusyBody {
        BusyBody { body, _busy: self }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.update(|state| state.in_request = false);
    }
}

/// The body of the response to a request in progress.
pub(super) struct BusyBody {
    body: Body,
    _busy: Busy,
}

impl HttpBody for BusyBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of a request, which notes when all of it has been received.
pub(super) struct ReceivedBody {
    body: Incoming,
    activity: Activity,
}

impl ReceivedBody {
    pub(super) fn new(body: Incoming, activity: Activity) -> Self {
        if body.is_end_stream() {
            activity.request_received();
        }
        Self { body, activity }
    }
}

impl HttpBody for ReceivedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() || self.body.is_end_stream() {
            self.activity.request_received();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
