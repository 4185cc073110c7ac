//! `GET /values/events`: live updates as server-sent events.

use std::convert::Infallible;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderName, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::{StreamExt, future, stream};
use protocol::{PROBLEM_MEDIA_TYPE, Problem};
use startup::connections::StreamedBody;
use store::FeedItem;
use tokio::sync::{OwnedSemaphorePermit, broadcast};

use super::ApiState;
use crate::problem::ApiProblem;

const HEADERS: [(HeaderName, &str); 3] = [
    (header::CONTENT_TYPE, "text/event-stream"),
    (header::CACHE_CONTROL, "no-cache"),
    // Disables nginx's buffering of the stream.
    (HeaderName::from_static("x-accel-buffering"), "no"),
];

struct Watcher {
    news: broadcast::Receiver<FeedItem>,
    /// Released when the stream ends.
    _permit: OwnedSemaphorePermit,
}

/// Live updates as server-sent events
///
/// Events `submitted`, `computing`, `done`, `failed` and `rejected`: the data is the Entry, the id its
/// revision. After each opening of the stream, fetch a fresh page and merge by revision.
///
/// When there is nothing to report, the event `heartbeat` follows at the latest after as many milliseconds as its
/// data says. Reconnect if you miss two of them.
#[utoipa::path(
    get,
    path = "/values/events",
    operation_id = "events",
    responses(
        (status = OK, description = "The stream. It ends when the server stops or the client falls behind.",
         body = String, content_type = "text/event-stream"),
        (status = SERVICE_UNAVAILABLE, description = "Too many live connections.", body = Problem,
         content_type = PROBLEM_MEDIA_TYPE,
         headers(("Retry-After" = u64, description = "When to try again, in seconds."))),
    ),
)]
pub(super) async fn stream(State(state): State<ApiState>) -> Result<Response, ApiProblem> {
    let permit = state.streams.clone().try_acquire_owned().map_err(|_| {
        ApiProblem::unavailable("This server has reached its limit of live connections. Try again later.")
    })?;
    let (opening, news) = state.store.feed().subscribe();
    let watcher = Watcher { news, _permit: permit };
    let events = stream::once(future::ready(opening)).chain(stream::unfold(watcher, Watcher::next));
    let body = Body::from_stream(events.map(Ok::<_, Infallible>));
    Ok((HEADERS, StreamedBody::new(body)).into_response())
}

impl Watcher {
    async fn next(mut self) -> Option<(Bytes, Self)> {
        match self.news.recv().await {
            Ok(FeedItem::Event(event)) => Some((event, self)),
            // The client has missed events. It reconnects, and fetches the current state.
            Ok(FeedItem::Resync) | Err(_) => None,
        }
    }
}
