//! Responses that last, such as event streams, sent without hyper.
//!
//! A connection in hyper takes about 20 KiB: buffers, the router's futures, timers. That is too much for thousands of
//! streams that are silent most of the time. So once hyper has sent the head of such a response, the socket is handed
//! over to a [`Streamed`], which is all that is kept.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::{Buf, Bytes};
use hyper::body::{Body as HttpBody, Frame};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::{Permits, refusal::DRAIN_TIME, timed::Deadline};

/// Maximum number of parts that are sent at once.
const MAX_PARTS: usize = 64;

/// The body of a response that lasts. It ends when the server stops, or when its client reads too slowly.
#[derive(Clone)]
pub struct StreamedBody(Arc<Mutex<State>>);

struct State {
    /// `None` once it was handed over.
    body: Option<Body>,
    /// True if the connection will send the body itself.
    is_claimed: bool,
    /// True once hyper has asked for the body; so it has written the head.
    head_written: bool,
}

impl StreamedBody {
    /// Makes the body of a response one that lasts. Its parts may be shared with other responses: they are not copied.
    #[must_use]
    pub fn new(body: Body) -> Self {
        Self(Arc::new(Mutex::new(State { body: Some(body), is_claimed: false, head_written: false })))
    }

    /// Keeps hyper from sending the body.
    pub(super) fn claim(&self) {
        self.state().is_claimed = true;
    }

    /// Returns the body if the head has been written.
    pub(super) fn take(&self) -> Option<Body> {
        let mut state = self.state();
        if state.head_written { state.body.take() } else { None }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IntoResponse for StreamedBody {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::new(self.clone()));
        response.extensions_mut().insert(self);
        response
    }
}

impl HttpBody for StreamedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let State { body, is_claimed, head_written } = &mut *self.state();
        *head_written = true;
        match body {
            Some(body) if !*is_claimed => Pin::new(body).poll_frame(context),
            _ => Poll::Pending,
        }
    }
}

/// A connection on which only the rest of a [`StreamedBody`] is still to be sent.
pub(super) struct Streamed {
    stream: TcpStream,
    /// `None` once it has ended.
    body: Option<Body>,
    is_chunked: bool,
    unsent: VecDeque<Bytes>,
    send_limit: Duration,
    /// Time limit of the current write; after the end of the body, for the client to close the connection.
    deadline: Deadline,
    stop: Pin<Box<WaitForCancellationFutureOwned>>,
    _permits: Permits,
}

impl Streamed {
    pub(super) fn new(
        stream: TcpStream,
        body: Body,
        is_chunked: bool,
        send_limit: Duration,
        stop: CancellationToken,
        permits: Permits,
    ) -> Self {
        Self {
            stream,
            body: Some(body),
            is_chunked,
            unsent: VecDeque::new(),
            send_limit,
            deadline: Deadline::default(),
            stop: Box::pin(stop.cancelled_owned()),
            _permits: permits,
        }
    }

    /// Reads and discards what the client sends. Ready once the client has closed the connection.
    fn poll_closed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut buffer = [0; 512];
        loop {
            let mut buffer = ReadBuf::new(&mut buffer);
            let read = ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(());
            }
        }
    }

    /// Collects the parts that are ready, as one chunk.
    fn collect(&mut self, context: &mut Context<'_>) {
        let Some(body) = &mut self.body else { return };
        let mut ended = false;
        while self.unsent.len() < MAX_PARTS {
            match Pin::new(&mut *body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.unsent.extend(frame.into_data().ok().filter(|data| !data.is_empty()));
                }
                Poll::Ready(_) => {
                    ended = true;
                    break;
                }
                Poll::Pending => break,
            }
        }
        let size: usize = self.unsent.iter().map(Bytes::len).sum();
        if self.is_chunked && size > 0 {
            self.unsent.push_front(format!("{size:x}\r\n").into());
            self.unsent.push_back(Bytes::from_static(b"\r\n"));
        }
        if ended {
            self.end();
        }
    }

    fn end(&mut self) {
        self.body = None;
        if self.is_chunked {
            self.unsent.push_back(Bytes::from_static(b"0\r\n\r\n"));
        }
    }

    /// Sends what has been collected.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let mut slices = [IoSlice::new(&[]); MAX_PARTS];
            for (slice, part) in slices.iter_mut().zip(&self.unsent) {
                *slice = IoSlice::new(part);
            }
            let count = self.unsent.len().min(MAX_PARTS);
            let written = Pin::new(&mut self.stream).poll_write_vectored(context, &slices[..count]);
            let Poll::Ready(written) = written else {
                if !self.deadline.is_set() {
                    self.deadline.set(self.send_limit);
                }
                ready!(self.deadline.poll(context));
                // Discards unsent data, which the system would otherwise keep trying to send.
                let _ = self.stream.set_zero_linger();
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            };
            self.deadline.clear();
            let mut written = written?;
            while let Some(part) = self.unsent.front_mut() {
                if part.len() > written {
                    part.advance(written);
                    break;
                }
                written -= part.len();
                self.unsent.pop_front();
            }
        }
        self.unsent = VecDeque::new();
        Poll::Ready(Ok(()))
    }

    /// Closes a connection whose client may still be sending, and waits for the client to close it, too: the system
    /// resets a connection that is closed with unread data, and the client would then lose the end of the response.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.deadline.is_set() {
            if ready!(Pin::new(&mut self.stream).poll_shutdown(context)).is_err() {
                return Poll::Ready(());
            }
            self.deadline.set(DRAIN_TIME);
        }
        self.deadline.poll(context)
    }
}

impl Future for Streamed {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.poll_closed(context).is_ready() {
            return Poll::Ready(());
        }
        if this.body.is_some() && this.stop.as_mut().poll(context).is_ready() {
            if !this.unsent.is_empty() {
                // A client that does not read would delay the shutdown.
                return Poll::Ready(());
            }
            this.end();
        }
        loop {
            if ready!(this.poll_send(context)).is_err() {
                return Poll::Ready(());
            }
            if this.body.is_none() {
                return this.poll_end(context);
            }
            this.collect(context);
            if this.unsent.is_empty() && this.body.is_some() {
                return Poll::Pending;
            }
        }
    }
}
