//! `GET /values/{index}/digits`: the whole value.

use std::ops::RangeInclusive;

use axum::{
    Json,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use job::JOB;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use protocol::{Entry, Index, PROBLEM_MEDIA_TYPE, Problem};
use serde::Deserialize;
use store::DigitsAnswer;
use utoipa::ToSchema;

use super::{
    ApiState, entries,
    etag::{self, Comparison},
    query, range,
};
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

#[derive(Deserialize)]
struct DigitsQuery {
    download: Option<bool>,
}

/// The whole value
///
/// Plain text that never changes, so it may be cached forever. Supports `ETag` and `Range`. With `?download=true`, a
/// browser saves it as a file; while the value is being computed, the response is then an error, which no program saves
/// in its place.
#[utoipa::path(
    get,
    path = "/values/{index}/digits",
    params(
        ("index" = Index, Path, description = "A whole number from 0."),
        ("download" = Option<bool>, Query, description = "`true`: respond with a file to save, or an error."),
        ("Range" = Option<String>, Header, description = "One range of bytes, such as `bytes=0-99`."),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the value must have."),
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
        (status = BAD_REQUEST, description = "The query is malformed.", body = Problem,
         content_type = PROBLEM_MEDIA_TYPE),
        (status = NOT_FOUND, description = "Not an index, or never submitted.", body = Problem,
         content_type = PROBLEM_MEDIA_TYPE),
        (status = PRECONDITION_FAILED, description = "`If-Match` does not list the current `ETag`.", body = Problem,
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
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiProblem> {
    let allowed = state.store.index_range();
    let index = entries::index_of_path(&text, allowed)?;
    let query: DigitsQuery = query::parse(query.as_deref().unwrap_or_default()).map_err(|_| {
        ApiProblem::bad_request(
            "Malformed query",
            "`download` must be `true` or `false`. Send it at most once.",
        )
    })?;
    let download = query.download.unwrap_or_default();
    match state.store.digits(index).await? {
        DigitsAnswer::Unknown => Err(entries::never_submitted(index, allowed)),
        DigitsAnswer::Failed(entry) => {
            Err(ApiProblem::given_up(entry.reason.as_deref(), allowed.allows(index)))
        }
        DigitsAnswer::Pending(_) if download => {
            Err(ApiProblem::unavailable("The value is being computed. Try again in a moment."))
        }
        DigitsAnswer::Pending(entry) => {
            Ok((StatusCode::ACCEPTED, [(header::RETRY_AFTER, RETRY_AFTER_S)], Json(entry)).into_response())
        }
        DigitsAnswer::Ready(digits) => {
            let etag = format!("\"{index}-{}\"", digits.len());
            let mut response = immutable_text(Bytes::from(digits), &etag, &method, &headers);
            if download && response.status().is_success() {
                response.headers_mut().insert(header::CONTENT_DISPOSITION, attachment(index));
            }
            Ok(response)
        }
    }
}

/// Makes a browser save the response as a file with the job's notation as its name, such as `F(7).txt`.
fn attachment(index: Index) -> HeaderValue {
    let name = format!("{}.txt", (JOB.notation)(index.get()));
    // RFC 6266: an ASCII name for old clients, and an encoded one that can have any characters.
    let plain: String = name
        .chars()
        .map(|char| if char.is_ascii_graphic() && !"\"\\%".contains(char) { char } else { '_' })
        .collect();
    let encoded = utf8_percent_encode(&name, NON_ALPHANUMERIC);
    HeaderValue::try_from(format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"))
        .unwrap_or(HeaderValue::from_static("attachment"))
}

/// Responds with text that never changes, and supports conditional and range requests (RFC 9110, sections 13 and 14).
fn immutable_text(text: Bytes, etag: &str, method: &Method, request: &HeaderMap) -> Response {
    if etag::lists(request, header::IF_MATCH, etag, Comparison::Strong) == Some(false) {
        return ApiProblem::precondition_failed().into_response();
    }
    let is_known = etag::lists(request, header::IF_NONE_MATCH, etag, Comparison::Weak) == Some(true);
    let mut response =
        if is_known { StatusCode::NOT_MODIFIED.into_response() } else { ranged(text, etag, method, request) };
    let headers = response.headers_mut();
    if let Ok(etag) = HeaderValue::from_str(etag) {
        headers.insert(header::ETAG, etag);
    }
    headers.insert(header::CACHE_CONTROL, caching::FOREVER);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    response
}

fn ranged(text: Bytes, etag: &str, method: &Method, request: &HeaderMap) -> Response {
    let content_type = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    let length = text.len() as u64;
    let Some(ranges) = requested_ranges(length, etag, method, request) else {
        return (content_type, text).into_response();
    };
    match ranges.as_slice() {
        [range] => {
            let (start, end) = (*range.start(), *range.end());
            // A satisfiable range is within the text, so its ends fit in usize.
            let part = text.slice(start as usize..=end as usize);
            let content_range = [(header::CONTENT_RANGE, format!("bytes {start}-{end}/{length}"))];
            (StatusCode::PARTIAL_CONTENT, content_type, content_range, part).into_response()
        }
        [] => {
            let content_range = [(header::CONTENT_RANGE, format!("bytes */{length}"))];
            let detail = format!("The value has {length} bytes: 0 to {}.", length.saturating_sub(1));
            (content_range, ApiProblem::range_not_satisfiable(detail)).into_response()
        }
        // Several ranges would need a multipart response; RFC 9110 also allows sending the whole text.
        _ => (content_type, text).into_response(),
    }
}

/// Returns the requested ranges, or `None` for the whole text.
fn requested_ranges(
    length: u64,
    etag: &str,
    method: &Method,
    request: &HeaderMap,
) -> Option<Vec<RangeInclusive<u64>>> {
    let mut lines = request.get_all(header::RANGE).iter();
    // Range is defined only for GET, and unlike a list header it must not be repeated.
    let (Some(line), None, &Method::GET) = (lines.next(), lines.next(), method) else { return None };
    // With If-Range, a range is useful only if the client has the rest of the same version.
    let same_version =
        request.get(header::IF_RANGE).is_none_or(|version| version.as_bytes() == etag.as_bytes());
    line.to_str().ok().filter(|_| same_version).and_then(|ranges| range::parse(ranges, length))
}
