//! Errors as HTTP responses.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use protocol::{IndexError, IndexErrorKind, PROBLEM_MEDIA_TYPE, Problem};
use store::{ReadError, RecordError};

/// An error response: an RFC 9457 problem.
///
/// The internal cause is logged when it is converted into a problem; the client gets a message that is safe to show.
#[derive(Clone, Debug)]
pub(crate) struct ApiProblem {
    problem: Problem,
    retry_after_s: Option<u64>,
}

impl ApiProblem {
    fn new(status: StatusCode, title: &str, detail: impl Into<String>) -> Self {
        Self { problem: Problem::new(status.as_u16(), title).with_detail(detail), retry_after_s: None }
    }

    /// 400: the request is malformed.
    pub(crate) fn bad_request(title: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, title, detail)
    }

    /// 404.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not found", detail)
    }

    /// 405.
    pub(crate) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "Method not allowed",
            "See the Allow header for the supported methods.",
        )
    }

    /// 409: the computation was given up, for `reason`, and may be retried if the index is `allowed`.
    pub(crate) fn given_up(reason: Option<&str>, allowed: bool) -> Self {
        let reason = reason.unwrap_or("The computation failed.");
        let remedy = if allowed { " Submit the index again to retry." } else { "" };
        Self::new(StatusCode::CONFLICT, "Computation given up", format!("{reason}{remedy}"))
    }

    /// 413.
    pub(crate) fn too_large(limit_bytes: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "Body too large",
            format!("The request body must not exceed {limit_bytes} bytes."),
        )
    }

    /// 415.
    pub(crate) fn unsupported_media_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Unsupported media type",
            "Send JSON as application/json, or a form as application/x-www-form-urlencoded.",
        )
    }

    /// 416.
    pub(crate) fn range_not_satisfiable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "Range not satisfiable", detail)
    }

    /// 422: well-formed, but not acceptable here.
    pub(crate) fn unprocessable(title: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, title, detail)
    }

    /// 429.
    pub(crate) fn too_many_requests(retry_after_s: u64) -> Self {
        let mut problem = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many requests",
            format!("You are submitting too fast. Try again in {retry_after_s} s."),
        );
        problem.retry_after_s = Some(retry_after_s);
        problem
    }

    /// 500: a bug. The details are only in the log.
    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Internal error",
            "Something went wrong on the server. The error has been logged.",
        )
    }

    /// 503.
    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "Temporarily unavailable", detail);
        problem.retry_after_s = Some(1);
        problem
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// Describes [`ApiProblem::unavailable`] in the documentation of every route that reads the Record or the Board.
#[derive(utoipa::IntoResponses)]
#[response(
    status = SERVICE_UNAVAILABLE,
    description = "The database or Redis cannot be reached.",
    content_type = PROBLEM_MEDIA_TYPE,
    headers(("Retry-After" = u64, description = "When to try again, in seconds.")),
)]
#[expect(dead_code)]
pub(crate) struct Unavailable(#[to_schema] Problem);

impl From<IndexError> for ApiProblem {
    fn from(error: IndexError) -> Self {
        let title = match error.kind {
            IndexErrorKind::TooHigh => "Index too high",
            IndexErrorKind::TooLow => "Index too low",
            _ => "Not an index",
        };
        let mut problem = Self::unprocessable(title, error.to_string());
        problem.problem.max_index = Some(error.allowed.highest.get());
        problem
    }
}

impl From<RecordError> for ApiProblem {
    fn from(error: RecordError) -> Self {
        tracing::error!(%error, "database request failed");
        Self::unavailable("The database is temporarily unavailable. Nothing was accepted. Try again.")
    }
}

impl From<ReadError> for ApiProblem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Record(error) => error.into(),
            ReadError::Board(error) => {
                tracing::error!(%error, "board request failed");
                Self::unavailable("Full results are temporarily unavailable. Try again.")
            }
        }
    }
}

impl IntoResponse for ApiProblem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(&self.problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_MEDIA_TYPE));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status() == StatusCode::PAYLOAD_TOO_LARGE {
            // The rest of the body is not read, so hyper closes the connection. This header keeps the client from
            // reusing it.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
