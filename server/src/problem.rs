//! Problems as responses.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use protocol::{IndexError, IndexErrorKind, PROBLEM_MEDIA_TYPE, Problem};
use store::{ReadError, RecordError};

/// A request that was not answered as wished: an RFC 9457 problem on the wire.
///
/// What went wrong inside is logged where it is turned into this; the client gets a message that is
/// safe to show.
#[derive(Clone, Debug)]
pub(crate) struct ApiProblem {
    problem: Problem,
    retry_after_s: Option<u64>,
}

impl ApiProblem {
    fn new(status: StatusCode, title: &str, detail: impl Into<String>) -> Self {
        Self { problem: Problem::new(status.as_u16(), title).with_detail(detail), retry_after_s: None }
    }

    /// 400: the request can't be read.
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
            "The header Allow lists the methods that this address takes.",
        )
    }

    /// 409: given up, with the reason.
    pub(crate) fn given_up(reason: Option<&str>) -> Self {
        let reason = reason.unwrap_or("The computation failed.");
        Self::new(
            StatusCode::CONFLICT,
            "Computation given up",
            format!("{reason} Submit the index again to have it tried again."),
        )
    }

    /// 413.
    pub(crate) fn too_large(limit_bytes: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "Body too large",
            format!("A body has at most {limit_bytes} bytes."),
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

    /// 422: well-formed, but not what is asked for here.
    pub(crate) fn unprocessable(title: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, title, detail)
    }

    /// 429.
    pub(crate) fn too_many_requests(retry_after_s: u64) -> Self {
        let mut problem = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many requests",
            format!("You are sending submissions faster than is allowed. Try again in {retry_after_s} s."),
        );
        problem.retry_after_s = Some(retry_after_s);
        problem
    }

    /// 500: a bug. The details are in the log alone.
    pub(crate) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Internal error",
            "Something went wrong in the server. It has been logged.",
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

impl From<IndexError> for ApiProblem {
    fn from(error: IndexError) -> Self {
        let title = match error.kind {
            IndexErrorKind::TooHigh => "Index too high",
            _ => "Not an index",
        };
        let mut problem = Self::unprocessable(title, error.to_string());
        problem.problem.max_index = Some(error.max.get().get());
        problem
    }
}

impl From<RecordError> for ApiProblem {
    fn from(error: RecordError) -> Self {
        tracing::error!(%error, "the record did not answer");
        Self::unavailable("The database can't be reached at the moment. Nothing was accepted; try again.")
    }
}

impl From<ReadError> for ApiProblem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Record(error) => error.into(),
            ReadError::Board(error) => {
                tracing::error!(%error, "the board did not answer");
                Self::unavailable("Whole results can't be reached at the moment; try again.")
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
            // The rest of the body is not read, so hyper closes the connection: the client must not
            // send its next request on it.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
