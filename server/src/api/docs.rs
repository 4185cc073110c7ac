//! What the API can do, for programs and for people.

use axum::{
    http::{HeaderName, header},
    response::{Html, IntoResponse},
};

const OPENAPI: &str = include_str!("openapi.json");
const PAGE: &str = include_str!("docs.html");

/// OpenAPI 3.1. A test compares its paths with the routes.
pub(super) async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI)
}

/// A page to try it: plain links and forms.
pub(super) async fn page() -> impl IntoResponse {
    const POLICY: (HeaderName, &str) = (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    );
    ([POLICY], Html(PAGE))
}
