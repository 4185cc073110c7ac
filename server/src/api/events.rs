//! `GET /values/events`: live news as server-sent events.

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
use store::FeedItem;
use tokio::sync::{OwnedSemaphorePermit, broadcast};
use tokio_util::sync::CancellationToken;

use super::Api;
use crate::problem::ApiProblem;

/// A comment at least this often keeps proxies, which cut silent connections, from doing so.
const COMMENT_EVERY: Duration = Duration::from_secs(10);
/// How long a browser waits before it opens the stream again.
const RECONNECT_AFTER: Duration = Duration::from_secs(1);

/// Tells nginx not to hold the stream back.
const UNBUFFERED: (HeaderName, &str) = (HeaderName::from_static("x-accel-buffering"), "no");

struct Watcher {
    news: broadcast::Receiver<FeedItem>,
    stop: CancellationToken,
    /// Given back when the stream ends.
    _permit: OwnedSemaphorePermit,
}

/// News of every entry, from now on. It ends when the server stops or when news were missed; the
/// client opens it again and takes a fresh page.
pub(super) async fn stream(State(api): State<Api>) -> Result<Response, ApiProblem> {
    let permit = api.streams.clone().try_acquire_owned().map_err(|_| {
        ApiProblem::unavailable("As many live connections are open as this server holds. Try again.")
    })?;
    let watcher = Watcher { news: api.store.feed().subscribe(), stop: api.stop.clone(), _permit: permit };
    // The first bytes go out at once, so that the client knows that it listens.
    let opening = SseEvent::default().comment("listening").retry(RECONNECT_AFTER);
    let events = stream::once(async { Ok::<_, Infallible>(opening) })
        .chain(stream::unfold(watcher, |watcher| async { watcher.next().await }));
    let keep_alive = KeepAlive::new().interval(COMMENT_EVERY).text("still here");
    Ok(([UNBUFFERED], Sse::new(events).keep_alive(keep_alive)).into_response())
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
                Err(error) => tracing::error!(%error, "an entry can't be written as JSON"),
            }
        }
    }
}
