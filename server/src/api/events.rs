//! `GET /values/events`: live updates as server-sent events.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::HeaderName,
    response::{
        IntoResponse, Response,
        sse::{Event as SseEvent, KeepAlive, Sse},
    },
};
use futures::{StreamExt, stream};
use protocol::{PROBLEM_MEDIA_TYPE, Problem, names::HEARTBEAT};
use store::FeedItem;
use tokio::sync::{OwnedSemaphorePermit, broadcast};
use tokio_util::sync::CancellationToken;

use super::ApiState;
use crate::problem::ApiProblem;

/// Longest pause between two events. A heartbeat that follows it keeps proxies from closing an idle connection, and
/// lets clients notice a dead one.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(5);
/// Delay before a browser reconnects.
const RECONNECT_AFTER: Duration = Duration::from_secs(1);

/// Header that disables nginx's buffering of the stream.
const UNBUFFERED: (HeaderName, &str) = (HeaderName::from_static("x-accel-buffering"), "no");

struct Watcher {
    news: broadcast::Receiver<FeedItem>,
    stop: CancellationToken,
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
    let watcher = Watcher { news: state.store.feed().subscribe(), stop: state.stop.clone(), _permit: permit };
    // Sent at once, so that the client knows that it is connected and when to expect the next event.
    let opening = heartbeat("listening").retry(RECONNECT_AFTER);
    let events = stream::once(async { Ok::<_, Infallible>(opening) })
        .chain(stream::unfold(watcher, |watcher| async { watcher.next().await }));
    let keep_alive = KeepAlive::new().interval(HEARTBEAT_EVERY).event(heartbeat("still here"));
    Ok(([UNBUFFERED], Sse::new(events).keep_alive(keep_alive)).into_response())
}

/// Returns a heartbeat with a comment, for people who watch the stream and for clients that do not know heartbeats.
fn heartbeat(comment: &str) -> SseEvent {
    let interval_ms = HEARTBEAT_EVERY.as_millis().to_string();
    SseEvent::default().comment(comment).event(HEARTBEAT).data(interval_ms)
}

impl Watcher {
    async fn next(mut self) -> Option<(Result<SseEvent, Infallible>, Self)> {
        let stop = self.stop.clone();
        loop {
            let FeedItem::Event(event) = stop.run_until_cancelled(self.news.recv()).await?.ok()? else {
                return None;
            };
            let sent = SseEvent::default()
                .event(event.kind.as_str())
                .id(u64::from(event.entry.revision).to_string())
                .json_data(&event.entry);
            match sent {
                Ok(sent) => return Some((Ok(sent), self)),
                Err(error) => tracing::error!(%error, "failed to serialise an entry"),
            }
        }
    }
}
