//! Request metrics and spans.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use metrics::Label;
use protocol::{PROBLEM_MEDIA_TYPE, Problem};
use tracing::Span;

use super::ApiState;

pub(crate) const REQUEST_ID: &str = "x-request-id";
/// Maximum length of a client's request id, in bytes. nginx's own has 32.
const MAX_REQUEST_ID_BYTES: usize = 128;
/// Maximum length of a path in logs; longer ones are truncated. The paths of our routes are shorter.
const MAX_LOGGED_PATH_BYTES: usize = 100;

/// Counts a request and records its duration.
pub(super) async fn count(request: Request, next: Next) -> Response {
    let started = Instant::now();
    // The label is the route, not the path, because there would be a new label for every index.
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).into();
    let method = request.method().clone();
    let mut response = next.run(request).await;
    let route = Route(route);
    record(&method, &route, response.status(), started);
    response.extensions_mut().insert(route);
    response
}

/// Route of a response, as a label.
#[derive(Clone)]
pub(crate) struct Route(Arc<str>);

/// Counts a request and records its duration.
pub(crate) fn record(method: &Method, route: &Route, status: StatusCode, started: Instant) {
    let labels = [
        Label::from_static_parts("method", method_label(method)),
        Label::new("route", Arc::clone(&route.0)),
        Label::new("status", status.as_str().to_owned()),
    ];
    metrics::counter!("fibstack_http_requests_total", labels.iter()).increment(1);
    metrics::histogram!("fibstack_http_request_duration_seconds", labels.iter()).record(started.elapsed());
}

/// Returns the name of a method for labels and logs. Clients can invent any number of methods, and labels are kept
/// forever, so unknown ones get the name `other`.
fn method_label(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

/// Removes a request id that is too long or contains characters that ids don't have, because ids are logged and
/// returned. The request then gets one of ours.
pub(super) async fn drop_invalid_request_id(mut request: Request) -> Request {
    if !is_valid_request_id(request.headers()) {
        request.headers_mut().remove(REQUEST_ID);
    }
    request
}

pub(crate) fn is_valid_request_id(headers: &HeaderMap) -> bool {
    let mut ids = headers.get_all(REQUEST_ID).iter();
    let (Some(id), None) = (ids.next(), ids.next()) else { return false };
    let is_valid = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:=+/".contains(byte);
    (1..=MAX_REQUEST_ID_BYTES).contains(&id.len()) && id.as_bytes().iter().all(is_valid)
}

/// Creates the span of a request, which adds the request id to every log line within it.
pub(super) fn span(request: &Request) -> Span {
    let id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    // A path is ASCII (see `guard`), so it can be truncated at any byte.
    let path = request.uri().path();
    let path = path.get(..MAX_LOGGED_PATH_BYTES).unwrap_or(path);
    tracing::info_span!("request", method = method_label(request.method()), path, request_id = id)
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
    metrics::gauge!("fibstack_read_cache_bytes").set(state.read_cache.size() as f64);
    metrics::gauge!("fibstack_event_streams").set(state.store.feed().watchers() as f64);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], state.metrics.render())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn made_up_methods_share_one_label() {
        for (method, label) in [("GET", "GET"), ("PATCH", "PATCH"), ("get", "other"), ("PURGE-7", "other")] {
            assert_eq!(method_label(&Method::from_bytes(method.as_bytes()).unwrap()), label);
        }
    }

    #[test]
    fn only_a_short_id_without_special_characters_is_kept() {
        let valid = |ids: &[&str]| {
            let mut headers = HeaderMap::new();
            for id in ids {
                headers.append(REQUEST_ID, HeaderValue::from_bytes(id.as_bytes()).unwrap());
            }
            is_valid_request_id(&headers)
        };
        assert!(valid(&["5f4dcc3b-5aa7.65d6"]) && valid(&["Root=1-67891233-abcdef"]));
        for id in ["", "a b", "a\"b", "a\tb", "é", &"x".repeat(129)] {
            assert!(!valid(&[id]), "{id}");
        }
        assert!(!valid(&["a", "b"]) && !valid(&[]));
    }
}
