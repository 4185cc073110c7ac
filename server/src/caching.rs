//! Response caching: `Cache-Control` for clients and proxies.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::Response,
};

/// `Cache-Control` of a response that never changes at its address.
pub(crate) const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// `Cache-Control` of icons and other files that a new version may change.
pub(crate) const FOR_AN_HOUR: HeaderValue = HeaderValue::from_static("public, max-age=3600");
/// `Cache-Control` of a response that may change at any time.
pub(crate) const REVALIDATED: HeaderValue = HeaderValue::from_static("no-cache");

/// `Cache-Control` of a response that must not be stored.
pub(crate) const NEVER: HeaderValue = HeaderValue::from_static("no-store");

/// Forbids caching anything but successes and "not modified", whatever the route says. During an update, another server
/// may have a file that this one lacks, and a cached error would outlast the update.
pub(crate) async fn forbid_caching_errors(mut response: Response) -> Response {
    let status = response.status();
    if !status.is_success() && status != StatusCode::NOT_MODIFIED {
        response.headers_mut().insert(header::CACHE_CONTROL, NEVER);
    }
    response
}
