//! `GET /values/{index}/digits`: the whole value.

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use protocol::{Entry, Index, PROBLEM_MEDIA_TYPE, Problem};
use store::DigitsAnswer;
use utoipa::ToSchema;

use super::{ApiState, entries};
use crate::{
    caching,
    problem::{ApiProblem, Unavailable},
};

/// `Retry-After` for a value that is still being computed, in seconds.
const RETRY_AFTER_S: u64 = 1;

/// A whole value: any text, such as the digits of a number.
#[derive(ToSchema)]
#[schema(value_type = String)]
struct Digits(());

/// The whole value
///
/// Plain text that never changes, so it may be cached forever. Supports `ETag` and `Range`.
#[utoipa::path(
    get,
    path = "/values/{index}/digits",
    params(
        ("index" = Index, Path, description = "A whole number from 0."),
        ("Range" = Option<String>, Header, description = "One range of bytes, such as `bytes=0-99`."),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of a copy the client already has."),
    ),
    responses(
        (status = OK, description = "The whole value.", body = Digits, content_type = "text/plain",
         headers(("ETag" = String))),
        (status = ACCEPTED, description = "Being computed, for the first time or again.", body = Entry,
         headers(("Retry-After" = u64, description = "When to try again, in seconds."))),
        (status = PARTIAL_CONTENT, description = "The requested range.", body = Digits,
         content_type = "text/plain", headers(("ETag" = String), ("Content-Range" = String))),
        (status = NOT_MODIFIED, description = "The client's copy is current."),
        (status = NOT_FOUND, description = "Not an index, or never submitted.", body = Problem,
         content_type = PROBLEM_MEDIA_TYPE),
        (status = CONFLICT, description = "The computation was given up; `detail` has the reason.",
         body = Problem, content_type = PROBLEM_MEDIA_TYPE),
        (status = RANGE_NOT_SATISFIABLE, description = "The range is outside the value.", body = Problem,
         content_type = PROBLEM_MEDIA_TYPE, headers(("Content-Range" = String))),
        Unavailable,
    ),
)]
pub(super) async fn digits(
    State(state): State<ApiState>,
    Path(text): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiProblem> {
    let index = entries::index_of_path(&text)?;
    match state.store.digits(index).await? {
        DigitsAnswer::Unknown => Err(entries::never_submitted(index)),
        DigitsAnswer::Failed(entry) => Err(ApiProblem::given_up(entry.reason.as_deref())),
        DigitsAnswer::Pending(entry) => {
            Ok((StatusCode::ACCEPTED, [(header::RETRY_AFTER, RETRY_AFTER_S)], Json(entry)).into_response())
        }
        DigitsAnswer::Ready(digits) => {
            let etag = format!("\"{index}-{}\"", digits.len());
            Ok(immutable_text(Bytes::from(digits), &etag, &headers))
        }
    }
}

/// Response with text that never changes; supports conditional and range requests (RFC 9110, sections 13 and 14).
fn immutable_text(text: Bytes, etag: &str, request: &HeaderMap) -> Response {
    let mut response = match request.get(header::IF_NONE_MATCH) {
        Some(known) if matches_etag(known, etag) => StatusCode::NOT_MODIFIED.into_response(),
        _ => ranged(text, etag, request),
    };
    let headers = response.headers_mut();
    if let Ok(etag) = HeaderValue::from_str(etag) {
        headers.insert(header::ETAG, etag);
    }
    headers.insert(header::CACHE_CONTROL, caching::FOREVER);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    response
}

fn matches_etag(header: &HeaderValue, etag: &str) -> bool {
    header.to_str().is_ok_and(|list| {
        list.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == etag)
    })
}

fn ranged(text: Bytes, etag: &str, request: &HeaderMap) -> Response {
    let content_type = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    // A range is only useful to a client that has the rest of the same version.
    let same_version =
        request.get(header::IF_RANGE).is_none_or(|version| version.as_bytes() == etag.as_bytes());
    let requested = request.get(header::RANGE).filter(|_| same_version).and_then(|range| range.to_str().ok());
    // RFC 9110 allows ignoring a malformed Range header.
    let Some(ranges) = requested.and_then(|range| http_range_header::parse_range_header(range).ok()) else {
        return (content_type, text).into_response();
    };
    let length = text.len() as u64;
    match ranges.validate(length).as_deref() {
        Ok([range]) => {
            let (start, end) = (*range.start(), *range.end());
            // A validated range is within the text, so it fits in usize.
            let part = text.slice(start as usize..=end as usize);
            let content_range = [(header::CONTENT_RANGE, format!("bytes {start}-{end}/{length}"))];
            (StatusCode::PARTIAL_CONTENT, content_type, content_range, part).into_response()
        }
        // Several ranges would need a multipart response; the whole text is a valid response too.
        Ok(_) => (content_type, text).into_response(),
        Err(_) => {
            let content_range = [(header::CONTENT_RANGE, format!("bytes */{length}"))];
            let detail = format!("The value has {length} bytes: 0 to {}.", length.saturating_sub(1));
            (content_range, ApiProblem::range_not_satisfiable(detail)).into_response()
        }
    }
}
