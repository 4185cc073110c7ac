//! Whole responses. They are kept as they leave the server, with the headers of all layers, and sent before any of the
//! layers runs.

use std::{sync::Arc, time::Instant};

use axum::{
    Router,
    body::{Body, HttpBody, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use store::{Scope, Version};
use tower_http::request_id::{MakeRequestId, MakeRequestUuid, RequestId};

use super::{Area, Kept, Key, ReadCache, etag};
use crate::{
    api::{
        etag::{Comparison, lists},
        observe::{self, Route},
    },
    caching,
    compression::{self, Accepted},
    guard,
    problem::ApiProblem,
};

/// Maximum size of a response that is kept as a whole. Longer lists are kept page by page.
pub(super) const MAX_BYTES: u64 = 1 << 20;

/// Extension of a response that may be kept: what it shows, and the version of the Record that it was read at.
#[derive(Clone)]
pub(super) struct Keepable {
    pub(super) scope: Scope,
    pub(super) version: Version,
}

/// Allows the responses of these routes to be kept if they name their [`Scope`] in an extension.
pub(crate) async fn keepable(
    State(cache): State<Arc<ReadCache>>,
    mut request: Request,
    next: Next,
) -> Response {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return next.run(request).await;
    }
    // A HEAD request keeps the response to GET, too. `respond` removes its body.
    *request.method_mut() = Method::GET;
    // Asked for before anything is read.
    let version = cache.version().await;
    let mut response = next.run(request).await;
    if let (Some(version), Some(scope)) = (version, response.extensions_mut().remove::<Scope>()) {
        response.extensions_mut().insert(Keepable { scope, version });
    }
    response
}

/// Adds the kept responses in front of all routes and layers of a listener.
pub(crate) fn in_front_of(router: Router, cache: &Arc<ReadCache>, area: Area) -> Router {
    let cached = middleware::from_fn_with_state((Arc::clone(cache), area), respond);
    Router::new().fallback_service(router).layer(cached)
}

async fn respond(
    State((cache, area)): State<(Arc<ReadCache>, Area)>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let is_head = request.method() == Method::HEAD;
    let is_read = is_head || request.method() == Method::GET;
    // The response to another origin has headers for it.
    let conditions = Conditions::of(request.headers());
    if !is_read || request.headers().contains_key(header::ORIGIN) || guard::check_head(&request).is_some() {
        return compression::compress_untagged(conditions.accepted, is_head, next.run(request).await).await;
    }
    let key = Key::of(area, &request);
    let mut response = if let Some(kept) = cache.current_response(&key).await {
        let mut response = conditions.kept(&kept).await;
        if let Some(route) = &kept.route {
            observe::record(request.method(), route, response.status(), started);
            set_request_id(&request, &mut response);
        }
        response
    } else {
        let response = next.run(request).await;
        cache.keep(key, &conditions, response).await
    };
    if is_head {
        let length = response.body().size_hint().exact();
        if let Some(length) = length.filter(|_| response.status() != StatusCode::NOT_MODIFIED) {
            response.headers_mut().entry(header::CONTENT_LENGTH).or_insert(HeaderValue::from(length));
        }
        *response.body_mut() = Body::empty();
    }
    compression::compress_untagged(conditions.accepted, is_head, response).await
}

impl ReadCache {
    /// Returns the kept response if it is current.
    async fn current_response(&self, key: &Key) -> Option<Arc<Kept>> {
        let kept = self.kept.get(key)?;
        let is_current = kept.scope == Scope::Nothing
            || self.version().await.is_some_and(|version| kept.is_current(&self.store, version));
        is_current.then_some(kept)
    }

    /// Keeps a response if its route allows that. Then it gets an entity tag.
    async fn keep(&self, key: Key, conditions: &Conditions, mut response: Response) -> Response {
        let keepable = response.extensions_mut().remove::<Keepable>();
        let Some(Keepable { scope, version }) = keepable.filter(|_| response.status() == StatusCode::OK)
        else {
            return response;
        };
        let route = response.extensions_mut().remove::<Route>();
        let (mut head, body) = response.into_parts();
        // Such a body is in memory already, so reading it cannot fail.
        let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
        if head.headers.get(header::CACHE_CONTROL).is_none_or(|value| value == caching::NEVER) {
            head.headers.insert(header::CACHE_CONTROL, caching::REVALIDATED);
        }
        compression::vary(&mut head.headers);
        let id = head.headers.remove(observe::REQUEST_ID);
        let kept = Arc::new(Kept { headers: head.headers, route, ..Kept::new(body, scope, version) });
        if kept.body.len() as u64 <= MAX_BYTES {
            self.kept.insert(key, Arc::clone(&kept));
        }
        let mut response = conditions.kept(&kept).await;
        response.headers_mut().extend(id.map(|id| (HeaderName::from_static(observe::REQUEST_ID), id)));
        response
    }
}

impl Key {
    fn of(area: Area, request: &Request) -> Self {
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        Self::Response(area, target.to_owned(), request.headers().get("x-forwarded-prefix").cloned())
    }
}

/// Adds the request's id to a kept response, or a new one, as the API's layers do.
fn set_request_id(request: &Request, response: &mut Response) {
    let id = Some(request.headers()).filter(|headers| observe::is_valid_request_id(headers));
    let id = match id.and_then(|headers| headers.get(observe::REQUEST_ID)) {
        Some(id) => Some(id.clone()),
        None => MakeRequestUuid.make_request_id(request).map(RequestId::into_header_value),
    };
    if let Some(id) = id {
        response.headers_mut().insert(observe::REQUEST_ID, id);
    }
}

/// The conditions of a request (RFC 9110, section 13), and the content codings that its client accepts.
pub(super) struct Conditions {
    headers: HeaderMap,
    accepted: Accepted,
}

impl Conditions {
    /// The conditions in the headers of a request.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut own = HeaderMap::new();
        for name in [header::IF_MATCH, header::IF_NONE_MATCH] {
            own.extend(headers.get_all(&name).iter().map(|value| (name.clone(), value.clone())));
        }
        Self { headers: own, accepted: Accepted::of(headers) }
    }

    /// Responds with a kept response.
    async fn kept(&self, kept: &Kept) -> Response {
        if let Some(encoding) = self.accepted.encoding(kept.body.len())
            && let Some(compressed) = kept.compressed(encoding).await
        {
            let mut headers = kept.headers.clone();
            compression::mark(&mut headers, encoding);
            return self.tagged(headers, &etag(kept.hash, Some(encoding)), compressed);
        }
        self.response(kept.headers.clone(), kept.hash, kept.body.clone())
    }

    /// Responds with uncompressed content, or with the status that the conditions require.
    pub(super) fn response(&self, headers: HeaderMap, hash: u64, content: impl Into<Body>) -> Response {
        self.tagged(headers, &etag(hash, None), content)
    }

    fn tagged(&self, headers: HeaderMap, tag: &HeaderValue, content: impl Into<Body>) -> Response {
        let listed = |name: HeaderName, comparison| {
            tag.to_str().ok().and_then(|tag| lists(&self.headers, name, tag, comparison))
        };
        if listed(header::IF_MATCH, Comparison::Strong) == Some(false) {
            return ([(header::CACHE_CONTROL, caching::NEVER)], ApiProblem::precondition_failed())
                .into_response();
        }
        let is_known = listed(header::IF_NONE_MATCH, Comparison::Weak) == Some(true);
        let mut response =
            if is_known { StatusCode::NOT_MODIFIED.into_response() } else { Response::new(content.into()) };
        *response.headers_mut() = headers;
        if is_known {
            for of_content in [
                header::CONTENT_TYPE,
                header::CONTENT_ENCODING,
                header::CONTENT_LENGTH,
                header::CONTENT_SECURITY_POLICY,
            ] {
                response.headers_mut().remove(of_content);
            }
        }
        response.headers_mut().insert(header::ETAG, tag.clone());
        response
    }
}
