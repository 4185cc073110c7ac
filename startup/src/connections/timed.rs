//! A TCP stream that limits how long a client may take.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::http::StatusCode;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep_until},
};

use super::{Limits, activity::Activity, refusal::mentions_html};

/// A TCP stream that fails if the client takes too long to send the head of a request, leaves the connection idle for
/// too long, or takes too long to read the next part of a response.
///
/// It also withholds the empty responses that hyper sends to a malformed head, so that they can be replaced.
pub(super) struct Timed {
    stream: TcpStream,
    activity: Activity,
    head_limit: Duration,
    idle_limit: Duration,
    send_limit: Duration,
    /// Time limit of the current wait for a request.
    read: Deadline,
    /// Number of the wait to which `read` applies.
    wait: Option<u64>,
    /// True once the first byte of a head has arrived during this wait.
    in_head: bool,
    accepts_html: bool,
    write: Deadline,
    /// Status of the response to send instead of hyper's.
    refused: Option<StatusCode>,
    /// True if the client has disconnected or is not responding.
    ended: bool,
    evicted: bool,
    /// True if the client has stopped sending.
    reached_end: bool,
}

/// End of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ending {
    /// Nothing more can be received or sent.
    Finished,
    /// The client may still be sending: closing the connection at once would reset it, and the client would lose the
    /// response.
    MaySend,
    /// An error with this status is to be sent.
    Refused(StatusCode),
    /// The server closed it during a wait for a request.
    Evicted {
        /// True if part of a request has been read.
        has_sent: bool,
    },
}

impl Timed {
    pub(super) fn new(stream: TcpStream, limits: &Limits, activity: Activity) -> Self {
        let mut timed = Self {
            stream,
            wait: activity.wait_number(),
            activity,
            head_limit: limits.request,
            idle_limit: limits.idle,
            send_limit: limits.send,
            read: Deadline::default(),
            in_head: false,
            accepts_html: false,
            write: Deadline::default(),
            refused: None,
            ended: false,
            evicted: false,
            reached_end: false,
        };
        // A client that has just connected is expected to send a request at once, so it gets no idle time.
        timed.read.set(limits.request);
        timed
    }

    /// Marks the connection as closed by the server during a wait for a request.
    pub(super) fn evict(&mut self) {
        self.evicted = true;
    }

    /// Marks the head as malformed. hyper sends no response of its own to a head that looks like HTTP/2.
    pub(super) fn refuse(&mut self) {
        self.refused.get_or_insert(StatusCode::BAD_REQUEST);
    }

    /// Returns the longest time that can pass before a head has arrived or the stream has failed.
    pub(super) fn head_limit(&self) -> Duration {
        self.idle_limit + self.head_limit
    }

    pub(super) fn into_inner(self) -> TcpStream {
        self.stream
    }

    /// Returns how the connection ended.
    pub(super) fn ending(&self) -> Ending {
        match self.refused {
            _ if self.ended => Ending::Finished,
            _ if self.evicted => Ending::Evicted { has_sent: self.in_head },
            Some(status) => Ending::Refused(status),
            None => Ending::MaySend,
        }
    }

    /// Returns true if the head of the last request, which may be malformed or incomplete, mentions HTML.
    pub(super) fn accepts_html(&self) -> bool {
        self.accepts_html
    }

    /// Starts a new time limit if another wait for a request has begun. Ready once the current limit has expired.
    fn poll_wait(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let wait = self.activity.wait_number();
        if wait != self.wait {
            (self.wait, self.in_head) = (wait, false);
            self.read.set(self.idle_limit);
        }
        if wait.is_some() { self.read.poll(context) } else { Poll::Pending }
    }

    /// Takes note of bytes that have been read; none if the client has disconnected.
    fn received(&mut self, bytes: &[u8]) {
        let wait = self.activity.wait_number();
        if bytes.is_empty() {
            self.ended = true;
        } else if wait.is_some() {
            if wait != self.wait || !self.in_head {
                (self.wait, self.in_head, self.accepts_html) = (wait, true, false);
                self.read.set(self.head_limit);
            }
            self.accepts_html |= mentions_html(bytes);
        }
    }

    /// Limits the time of a write.
    fn limit_write(
        &mut self,
        outcome: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if outcome.is_ready() {
            if self.write.is_set() {
                self.write.clear();
                self.activity.set_sending(false);
            }
            return outcome;
        }
        if !self.write.is_set() {
            self.write.set(self.send_limit);
            self.activity.set_sending(true);
        }
        ready!(self.write.poll(context));
        self.ended = true;
        // Discards unsent data, which the system would otherwise keep trying to send.
        let _ = self.stream.set_zero_linger();
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client stopped reading the response")))
    }
}

impl AsyncRead for Timed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        // hyper would end the connection without a response if it read the end of the stream during a request.
        if this.reached_end && this.activity.owes_response() {
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        if let Poll::Ready(outcome) = Pin::new(&mut this.stream).poll_read(context, buffer) {
            this.reached_end = outcome.is_ok() && buffer.filled().len() == before;
            if this.reached_end && this.activity.owes_response() {
                return Poll::Pending;
            }
            match &outcome {
                Ok(()) => this.received(&buffer.filled()[before..]),
                Err(_) => this.ended = true,
            }
            return Poll::Ready(outcome);
        }
        ready!(this.poll_wait(context));
        if this.in_head {
            this.refused = Some(StatusCode::REQUEST_TIMEOUT);
        } else {
            this.ended = true;
        }
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client did not send a request in time")))
    }
}

impl AsyncWrite for Timed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(status) = automatic_response(bytes) {
            self.refused = Some(status);
            return Poll::Ready(Ok(bytes.len()));
        }
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.limit_write(outcome, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Some(status) = slices.first().and_then(|head| automatic_response(head)) {
            self.refused = Some(status);
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.limit_write(outcome, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Returns the status if this is a response that hyper writes on its own when it cannot parse a head. It is recognised
/// by its empty body; our own errors always have a body.
fn automatic_response(head: &[u8]) -> Option<StatusCode> {
    const LONGEST: usize = 200;
    let head = head.strip_prefix(b"HTTP/1.").filter(|rest| rest.len() <= LONGEST)?;
    let rest = str::from_utf8(head.get("1 ".len()..)?).ok()?;
    let status = StatusCode::from_bytes(rest.get(..3)?.as_bytes()).ok()?;
    let is_automatic =
        [400, 414, 431].contains(&status.as_u16()) && rest.contains("\r\ncontent-length: 0\r\n");
    is_automatic.then_some(status)
}

/// A time limit that may be unset.
#[derive(Default)]
pub(super) struct Deadline(Option<Pin<Box<Sleep>>>);

impl Deadline {
    pub(super) fn set(&mut self, limit: Duration) {
        let at = Instant::now() + limit;
        match &mut self.0 {
            Some(sleep) => sleep.as_mut().reset(at),
            None => self.0 = Some(Box::pin(sleep_until(at))),
        }
    }

    pub(super) fn clear(&mut self) {
        self.0 = None;
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().map_or(Poll::Pending, |sleep| sleep.as_mut().poll(context))
    }
}
