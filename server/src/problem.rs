//! Errors as HTTP responses.

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use protocol::{IndexError, IndexErrorKind, PROBLEM_MEDIA_TYPE, Problem};
use store::{ReadError, RecordError};

/// An error response: an RFC 9457 problem.
///
/// An internal error is logged when it is converted into a problem; the client gets a message that is safe to show.
#[derive(Clone, Debug)]
pub(crate) struct ApiProblem {
    problem: Problem,
    retry_after_s: Option<u64>,
    accept_encoding: Option<&'static str>,
}

impl ApiProblem {
    fn new(status: StatusCode, title: &str, detail: impl Into<String>) -> Self {
        let problem = Problem::new(status.as_u16(), title).with_detail(detail);
        Self { problem, retry_after_s: None, accept_encoding: None }
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

    /// 409: the computation was given up for `reason`; it may be retried if the index is `allowed`.
    pub(crate) fn given_up(reason: Option<&str>, allowed: bool) -> Self {
        let reason = reason.unwrap_or("The computation failed.");
        let remedy = if allowed { " Submit the index again to retry." } else { "" };
        Self::new(StatusCode::CONFLICT, "Computation given up", format!("{reason}{remedy}"))
    }

    /// 408: the client took too long to send the request.
    pub(crate) fn request_timeout() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "Request timeout",
            "The request did not arrive in time. Send it again, without pauses.",
        )
    }

    /// 503: too many connections; 400, 408, 414 or 431: the head of the request is malformed, incomplete or too large.
    pub(crate) fn of_connection(status: StatusCode) -> Self {
        match status {
            StatusCode::REQUEST_TIMEOUT => Self::request_timeout(),
            StatusCode::SERVICE_UNAVAILABLE => Self::unavailable(
                "The server has too many connections, in total or from your address, or it is shutting down. Try again.",
            ),
            StatusCode::URI_TOO_LONG => Self::new(
                status,
                "Address too long",
                "The address and headers of a request must not exceed 32 KiB together.",
            ),
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Self::new(
                status,
                "Headers too large",
                "A request must not have more than 100 headers, and its address and headers, including cookies, must not \
                 exceed 32 KiB together.",
            ),
            _ => Self::bad_request("Malformed request", "The request is not valid HTTP/1.1."),
        }
    }

    /// 412.
    pub(crate) fn precondition_failed() -> Self {
        Self::new(
            StatusCode::PRECONDITION_FAILED,
            "Precondition failed",
            "If-Match does not list the current ETag, or If-Unmodified-Since is before the last change.",
        )
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
    pub(crate) fn unsupported_media_type(detail: &str) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported media type", detail)
    }

    /// Adds the supported content codings to a 415 (RFC 9110, section 12.5.3).
    pub(crate) fn with_accepted_codings(self, codings: &'static str) -> Self {
        Self { accept_encoding: Some(codings), ..self }
    }

    /// 416.
    pub(crate) fn range_not_satisfiable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "Range not satisfiable", detail)
    }

    /// 422: the request is well-formed, but its content is not acceptable.
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

    /// 501: a transfer coding other than chunked.
    pub(crate) fn unsupported_transfer_coding() -> Self {
        Self::new(
            StatusCode::NOT_IMPLEMENTED,
            "Not implemented",
            "The only supported transfer coding is chunked, in HTTP/1.1.",
        )
    }

    /// 503.
    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "Temporarily unavailable", detail);
        problem.retry_after_s = Some(1);
        problem
    }

    /// 504: a handler took too long.
    pub(crate) fn deadline_exceeded() -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "Timeout",
            "The server could not respond in time. Try again later.",
        )
    }

    /// Creates a problem for an error response that has no text of its own.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::not_found("There is nothing at this address."),
            StatusCode::METHOD_NOT_ALLOWED => Self::method_not_allowed(),
            StatusCode::INTERNAL_SERVER_ERROR => Self::internal(),
            StatusCode::PRECONDITION_FAILED => Self::precondition_failed(),
            StatusCode::BAD_REQUEST => Self::bad_request(
                "Malformed request",
                "The address is not valid: percent-encode it as UTF-8.",
            ),
            _ => {
                let title = status.canonical_reason().unwrap_or("Error");
                Self::new(status, title, "The server rejected the request.")
            }
        }
    }

    /// Returns the HTTP status.
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

/// Responses to conditional requests.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code)]
pub(crate) enum Conditional {
    #[response(status = NOT_MODIFIED, description = "The client's copy, whose `ETag` it sent in `If-None-Match`, is current.")]
    NotModified,
    #[response(
        status = PRECONDITION_FAILED,
        description = "`If-Match` does not list the current `ETag`.",
        content_type = PROBLEM_MEDIA_TYPE,
    )]
    PreconditionFailed(#[to_schema] Problem),
}

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

impl ApiProblem {
    /// Returns the headers and the body of a problem document.
    pub(crate) fn document(&self) -> (HeaderMap, Vec<u8>) {
        let body = serde_json::to_vec(&self.problem).expect("a problem consists of texts and numbers");
        (self.headers(PROBLEM_MEDIA_TYPE), body)
    }

    /// Returns the headers and the body of a page with the same content, for people. It links to the site's home page if
    /// the prefix of the site's addresses is known.
    pub(crate) fn page(&self, prefix: Option<&str>) -> (HeaderMap, Vec<u8>) {
        let title = escaped(&self.problem.title);
        let detail = escaped(self.problem.detail.as_deref().unwrap_or_default());
        let link = prefix.map(|prefix| format!("<p><a href=\"{prefix}/\">Home page</a></p>\n"));
        let link = link.unwrap_or_default();
        let body = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{title}</title>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n<p>{detail}</p>\n\
             {link}</main>\n</body>\n</html>\n"
        );
        let mut headers = self.headers("text/html; charset=utf-8");
        let policy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
        (headers, body.into_bytes())
    }

    fn headers(&self, content_type: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(codings) = self.accept_encoding {
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(codings));
        }
        if [StatusCode::PAYLOAD_TOO_LARGE, StatusCode::REQUEST_TIMEOUT].contains(&self.status()) {
            // The rest of the body is discarded and the connection closed, so the client must not reuse it.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        headers
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

impl IntoResponse for ApiProblem {
    /// Creates a problem document. The response also carries the problem, so that a layer can replace it with a page.
    fn into_response(self) -> Response {
        let (headers, body) = self.document();
        let mut response = (self.status(), headers, body).into_response();
        response.extensions_mut().insert(self);
        response
    }
}
