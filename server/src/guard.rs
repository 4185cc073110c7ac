//! Layers around all routes of a listener. They handle requests that no route expects, deadlines, panics, and errors
//! without a text.

use std::{any::Any, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header, uri::Authority},
    middleware::{self, Next},
    response::{AppendHeaders, IntoResponse, Response},
};
use protocol::{PROBLEM_MEDIA_TYPE, names::API_PREFIX};
use startup::connections::DescribeError;
use tower_http::catch_panic::CatchPanicLayer;

use crate::problem::ApiProblem;

/// Time limit for a handler to start its response.
const DEADLINE: Duration = Duration::from_secs(30);
/// Maximum length of a path segment: the longest file name that Linux allows.
const MAX_SEGMENT_BYTES: usize = 255;
/// Methods that some route supports.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, OPTIONS");

/// Readers of a listener's responses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Audience {
    /// Programs, which get problem documents.
    Programs,
    /// Programs and people; people get a page.
    People,
}

impl Audience {
    /// Returns what writes the errors that are sent without the router.
    pub(crate) fn describe_error(self) -> DescribeError {
        match self {
            Self::Programs => |status, _| ApiProblem::of_connection(status).document(),
            Self::People => |status, accepts_html| {
                let problem = ApiProblem::of_connection(status);
                if accepts_html { problem.page(None) } else { problem.document() }
            },
        }
    }
}

/// Adds the layers.
pub(crate) fn guard(router: Router, audience: Audience) -> Router {
    router
        .layer(middleware::from_fn_with_state(DEADLINE, limit_time))
        .layer(middleware::from_fn(refuse_malformed))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(audience, describe))
}

/// Logs a panic and responds with an internal error.
// `CatchPanicLayer` passes the panic by value.
#[expect(clippy::needless_pass_by_value)]
pub(crate) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!(panic = message, "handler panicked");
    ApiProblem::internal().into_response()
}

/// Returns true if the client names HTML in `Accept`. `*/*` is not enough, since most programs send it.
pub(crate) fn accepts_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let is_html = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("text/html"));
        // `q=0` means “not acceptable” (RFC 9110, section 12.4.2).
        let refused = parts.any(|parameter| {
            let weight = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="));
            weight.is_some_and(|weight| weight.parse() == Ok(0.0))
        });
        is_html && !refused
    })
}

async fn limit_time(State(deadline): State<Duration>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(deadline, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            tracing::error!("request deadline exceeded");
            ApiProblem::deadline_exceeded().into_response()
        }
    }
}

/// Returns the response to requests that are valid HTTP but do not address a resource, because routers and handlers rely on a path.
pub(crate) fn check_head(request: &Request) -> Option<Response> {
    if request.method() == Method::CONNECT {
        return Some(([(header::ALLOW, METHODS)], ApiProblem::method_not_allowed()).into_response());
    }
    // hyper decodes `chunked` and ignores any other coding before it.
    if request.headers().get_all(header::TRANSFER_ENCODING).iter().any(|coding| !is_chunked(coding)) {
        return Some(ApiProblem::unsupported_transfer_coding().into_response());
    }
    if let Err(detail) = check_host(request.version(), request.headers()) {
        return Some(ApiProblem::bad_request("Malformed request", detail).into_response());
    }
    let target = request.uri().path_and_query().map_or("", |target| target.as_str());
    if target == "*" && request.method() == Method::OPTIONS {
        return Some((StatusCode::NO_CONTENT, [(header::ALLOW, METHODS)]).into_response());
    }
    if !target.starts_with('/') || !target.is_ascii() {
        let detail =
            "The address must begin with a slash, and characters outside ASCII must be percent-encoded.";
        return Some(ApiProblem::bad_request("Malformed request", detail).into_response());
    }
    // No route has such a long segment, and no file can have such a long name.
    if request.uri().path().split('/').any(|segment| segment.len() > MAX_SEGMENT_BYTES) {
        return Some(ApiProblem::of_status(StatusCode::NOT_FOUND).into_response());
    }
    None
}

async fn refuse_malformed(request: Request, next: Next) -> Response {
    match check_head(&request) {
        Some(refusal) => refusal,
        None => next.run(request).await,
    }
}

fn is_chunked(coding: &HeaderValue) -> bool {
    coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked")
}

/// Checks `Host` (RFC 9112, section 3.2).
fn check_host(version: Version, headers: &HeaderMap) -> Result<(), &'static str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if version < Version::HTTP_11 => Ok(()),
        (Some(host), None) if host.is_empty() || is_host(host) => Ok(()),
        (Some(_), None) => Err("The Host header must be a host name with an optional port."),
        _ => Err("Send exactly one Host header."),
    }
}

fn is_host(host: &HeaderValue) -> bool {
    Authority::try_from(host.as_bytes()).is_ok_and(|host| !host.as_str().contains('@'))
}

/// Gives every error a text: a problem document, or a page if a person reads it. Also responds to OPTIONS.
async fn describe(State(audience): State<Audience>, request: Request, next: Next) -> Response {
    let is_options = request.method() == Method::OPTIONS;
    let path = request.uri().path();
    let is_api = path.strip_prefix(API_PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let has_pages = audience == Audience::People && !is_api;
    let as_page = has_pages && accepts_html(request.headers());
    let prefix = app::forwarded_prefix(request.headers()).to_owned();
    let mut response = next.run(request).await;
    if is_options && response.status() == StatusCode::METHOD_NOT_ALLOWED {
        // The router adds the Allow header after this layer has run, unless an inner service has already done so.
        let allowed = response.headers_mut().remove(header::ALLOW);
        return (StatusCode::NO_CONTENT, AppendHeaders(allowed.map(|methods| (header::ALLOW, methods))))
            .into_response();
    }
    if !(response.status().is_client_error() || response.status().is_server_error()) {
        return response;
    }
    let problem = match response.extensions_mut().remove::<ApiProblem>() {
        Some(problem) if as_page => problem,
        Some(_) => return response,
        None if has_text(&response) => return response,
        None => ApiProblem::of_status(response.status()),
    };
    let (headers, body) = if as_page { problem.page(Some(&prefix)) } else { problem.document() };
    let mut described = (response.status(), body).into_response();
    for name in [header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::ETAG, header::LAST_MODIFIED] {
        response.headers_mut().remove(name);
    }
    *described.headers_mut() = std::mem::take(response.headers_mut());
    described.headers_mut().extend(headers);
    if has_pages {
        described.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
    }
    described
}

fn has_text(response: &Response) -> bool {
    let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.starts_with(PROBLEM_MEDIA_TYPE) || value.starts_with("text/html"))
}

#[cfg(test)]
mod tests {
    use axum::{
        body::{Body, to_bytes},
        response::Html,
        routing::get,
    };
    use hyper::service::Service;
    use hyper_util::service::TowerToHyperService;

    use super::*;

    /// Returns the status, media type and body of the response to a GET request.
    async fn ask(audience: Audience, path: &str, accept: &str) -> (u16, String, String) {
        async fn panicking() -> &'static str {
            panic!("a fault")
        }
        let no_text = || async { StatusCode::INTERNAL_SERVER_ERROR };
        let its_own = || async { (StatusCode::CONFLICT, Html("<h1>its own</h1>")) };
        let router = Router::new()
            .route("/panic", get(panicking))
            .route("/api/panic", get(panicking))
            .route("/no-text", get(no_text))
            .route("/its-own", get(its_own))
            .route("/slow", get(std::future::pending::<&'static str>))
            .layer(middleware::from_fn_with_state(Duration::ZERO, limit_time));
        let router = TowerToHyperService::new(guard(router, audience));
        let request = Request::get(path).header(header::HOST, "a").header(header::ACCEPT, accept);
        let response = router.call(request.body(Body::empty()).unwrap()).await.unwrap();
        let media_type = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, media_type, String::from_utf8(body.into()).unwrap())
    }

    #[tokio::test]
    async fn a_fault_is_a_problem_or_a_page_without_its_details() {
        for (path, status) in [("/panic", 500), ("/api/panic", 500), ("/no-text", 500), ("/slow", 504)] {
            let is_api = path.starts_with("/api/");
            for (audience, accept) in [
                (Audience::Programs, "text/html"),
                (Audience::People, "*/*"),
                (Audience::People, "text/html,*/*;q=0.8"),
            ] {
                let (given, media_type, body) = ask(audience, path, accept).await;
                assert_eq!(given, status, "{path}");
                assert!(!body.contains("a fault"), "{body}");
                let as_page = audience == Audience::People && accept.contains("html") && !is_api;
                let expected = if as_page { "text/html; charset=utf-8" } else { PROBLEM_MEDIA_TYPE };
                assert_eq!(media_type, expected, "{path} {audience:?} {accept}");
            }
        }
        let (status, _, body) = ask(Audience::People, "/its-own", "text/html").await;
        assert_eq!((status, body.as_str()), (409, "<h1>its own</h1>"));
        assert_eq!(ask(Audience::Programs, "/nothing", "*/*").await.0, 404);
    }

    #[test]
    fn html_is_accepted_only_by_name_and_with_a_weight() {
        let accepts = |value: &'static str| {
            accepts_html(&HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(value))]))
        };
        for yes in ["text/html", "application/json, Text/HTML;q=0.5", "text/html; level=1; q=0.001"] {
            assert!(accepts(yes), "{yes}");
        }
        for no in
            ["", "*/*", "text/*", "text/html;q=0", "text/html; Q=0.000", "text/html2", "a/b;x=text/html"]
        {
            assert!(!accepts(no), "{no}");
        }
    }

    #[test]
    fn a_request_has_one_valid_host_except_in_http_1_0() {
        let check = |version, hosts: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(header::HOST, HeaderValue::from_static(host));
            }
            check_host(version, &headers).is_ok()
        };
        assert!(check(Version::HTTP_10, &[]));
        assert!(!check(Version::HTTP_11, &[]));
        for host in ["fib.example", "127.0.0.1:3000", "[::1]:80", ""] {
            assert!(check(Version::HTTP_11, &[host]), "{host}");
        }
        for host in ["a b", "me@fib.example", "a/b", "a,b c"] {
            assert!(!check(Version::HTTP_11, &[host]), "{host}");
        }
        assert!(!check(Version::HTTP_11, &["a", "a"]));
    }
}
