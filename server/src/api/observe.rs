//! Request metrics and spans.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request, State},
    http::header,
    middleware::Next,
    response::{IntoResponse, Response},
};
use protocol::{PROBLEM_MEDIA_TYPE, Problem};
use tracing::Span;

use super::ApiState;

/// Records a request and its duration.
pub(super) async fn count(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().to_string();
    // The route, not the path: a label per index would be unbounded.
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    let labels = [("method", method), ("route", route), ("status", response.status().as_u16().to_string())];
    metrics::counter!("fibstack_http_requests_total", &labels).increment(1);
    metrics::histogram!("fibstack_http_request_duration_seconds", &labels).record(started.elapsed());
    response
}

/// Creates the span of a request, which adds the request id to every log line within it.
pub(super) fn span(request: &Request) -> Span {
    let id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    tracing::info_span!("request", method = %request.method(), path = request.uri().path(), request_id = id)
}

/// Prometheus metrics
///
/// Served on the api listener, and on the site listener in embedded mode.
#[utoipa::path(
    get,
    path = "/metrics",
    responses(
        (status = OK, description = "Text format 0.0.4.", body = String, content_type = "text/plain"),
        (status = NOT_FOUND, description = "Not served on this listener.", body = Problem,
         content_type = PROBLEM_MEDIA_TYPE),
    ),
)]
pub(super) async fn metrics(State(state): State<ApiState>) -> impl IntoResponse {
    if let Ok(counts) = state.store.record().counts().await {
        let by_status = [("pending", counts.pending), ("done", counts.done), ("failed", counts.failed)];
        for (status, entries) in by_status {
            metrics::gauge!("fibstack_entries", "status" => status).set(entries as f64);
        }
    }
    if let Ok(length) = state.store.board().pending_len().await {
        metrics::gauge!("fibstack_pending_list_length").set(length as f64);
    }
    metrics::gauge!("fibstack_event_streams").set(state.store.feed().watchers() as f64);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], state.metrics.render())
}
