//! `GET /`: the original's greeting.

use axum::{
    extract::OriginalUri,
    http::header,
    response::{Html, IntoResponse},
};

/// Responds as the original did. The Link header leads people to the documentation (RFC 8631).
pub(crate) async fn hi(OriginalUri(uri): OriginalUri) -> impl IntoResponse {
    // Relative addresses are right wherever the API is served: within `/api/`, or next to `/api`.
    let folder = uri.path().rsplit('/').next().filter(|last| !last.is_empty());
    let folder = folder.map(|last| format!("{last}/")).unwrap_or_default();
    let links = format!("<{folder}docs>; rel=\"service-doc\", <{folder}openapi.json>; rel=\"service-desc\"");
    ([(header::LINK, links), (header::CACHE_CONTROL, "no-store".to_owned())], Html("Hi"))
}
