//! Whole responses.

use std::sync::Arc;

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use store::Scope;

use super::{Area, Kept, Key, ReadCache, etag};
use crate::{
    api::etag::{Comparison, lists},
    caching,
    problem::ApiProblem,
};

/// Maximum size of a response that is kept as a whole. Entries with long values have two ends of a few hundred digits.
const MAX_BYTES: usize = 1 << 20;

/// Keeps the successful responses of the inner routes that name their [`Scope`] in an extension, and adds an entity tag
/// to them. Other responses pass unchanged.
pub(crate) async fn keep(
    State((cache, area)): State<(Arc<ReadCache>, Area)>,
    mut request: Request,
    next: Next,
) -> Response {
    let method = request.method().clone();
    if method != Method::GET && method != Method::HEAD {
        return next.run(request).await;
    }
    // A HEAD request finds and keeps the response to GET; its body is removed at the end.
    *request.method_mut() = Method::GET;
    let conditions = Conditions::take(request.headers_mut());
    let key = Key::of(area, &request);
    let response = match cache.kept.get(&key).filter(|kept| kept.scope == Scope::Nothing) {
        Some(kept) => conditions.response(kept.headers.clone(), kept.hash, kept.body.clone()),
        None => {
            let version = cache.version().await;
            match version.and_then(|version| cache.current(&key, version)) {
                Some(kept) => conditions.response(kept.headers.clone(), kept.hash, kept.body.clone()),
                None => {
                    let mut response = next.run(request).await;
                    match (version, response.extensions_mut().remove::<Scope>()) {
                        (Some(version), Some(scope)) if response.status() == StatusCode::OK => {
                            let (head, body) = response.into_parts();
                            // Bodies of these routes are in memory already, so reading one cannot fail.
                            let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
                            let mut kept = Kept::new(body, scope, version);
                            kept.headers = head.headers;
                            kept.headers.entry(header::CACHE_CONTROL).or_insert(caching::REVALIDATED);
                            let (headers, hash, body) = (kept.headers.clone(), kept.hash, kept.body.clone());
                            if body.len() <= MAX_BYTES {
                                cache.kept.insert(key, Arc::new(kept));
                            }
                            conditions.response(headers, hash, body)
                        }
                        _ => response,
                    }
                }
            }
        }
    };
    if method == Method::HEAD { without_body(response) } else { response }
}

impl Key {
    fn of(area: Area, request: &Request) -> Self {
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        Self::Response(area, target.to_owned(), request.headers().get("x-forwarded-prefix").cloned())
    }
}

/// The conditions of a request (RFC 9110, section 13).
pub(super) struct Conditions(HeaderMap);

impl Conditions {
    /// Takes the conditions out of the headers of a request.
    pub(super) fn take(headers: &mut HeaderMap) -> Self {
        let mut own = HeaderMap::new();
        for name in [header::IF_MATCH, header::IF_NONE_MATCH] {
            own.extend(headers.get_all(&name).iter().map(|value| (name.clone(), value.clone())));
            headers.remove(name);
        }
        Self(own)
    }

    /// Responds with content, or with the status that the conditions require.
    pub(super) fn response(&self, headers: HeaderMap, hash: u64, content: impl Into<Body>) -> Response {
        let tag = etag(hash);
        let listed =
            |name, comparison| tag.to_str().ok().and_then(|tag| lists(&self.0, name, tag, comparison));
        if listed(header::IF_MATCH, Comparison::Strong) == Some(false) {
            return ApiProblem::precondition_failed().into_response();
        }
        let mut response = if listed(header::IF_NONE_MATCH, Comparison::Weak) == Some(true) {
            let kept = [header::CACHE_CONTROL, header::VARY];
            let kept = kept.into_iter().filter_map(|name| Some((name.clone(), headers.get(name)?.clone())));
            let mut response = StatusCode::NOT_MODIFIED.into_response();
            response.headers_mut().extend(kept);
            response
        } else {
            let mut response = Response::new(content.into());
            *response.headers_mut() = headers;
            response
        };
        response.headers_mut().insert(header::ETAG, tag);
        response
    }
}

fn without_body(response: Response) -> Response {
    let (mut head, body) = response.into_parts();
    if let Some(length) = axum::body::HttpBody::size_hint(&body).exact()
        && head.status != StatusCode::NOT_MODIFIED
    {
        head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    Response::from_parts(head, Body::from(Bytes::new()))
}
