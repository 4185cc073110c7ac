//! How long clients and proxies may keep a response.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::Response,
};

/// `Cache-Control` of text that never changes under its address.
pub(crate) const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// `Cache-Control` of an icon and the like, which a new version may change.
pub(crate) const FOR_AN_HOUR: HeaderValue = HeaderValue::from_static("public, max-age=3600");
/// `Cache-Control` of text that may change at any time.
pub(crate) const REVALIDATED: HeaderValue = HeaderValue::from_static("no-cache");

/// Forbids keeping any response but a success and "not modified", whatever the route says. During an update another
/// server may have the file that this one has not, and a cached error would outlast the update.
pub(crate) async fn keep_no_error(mut response: Response) -> Response {
    let status = response.status();
    if !status.is_success() && status != StatusCode::NOT_MODIFIED {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}
