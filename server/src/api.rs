//! The API: the wire contract as routes. Served at the root of the api listener and under `/api` on the site
//! listener.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::OriginalUri,
    http::{HeaderName, HeaderValue, header},
    middleware,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use metrics_exporter_prometheus::PrometheusHandle;
use store::Store;
use tokio::sync::Semaphore;
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::CorsLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    set_header::SetResponseHeaderLayer,
    trace::TraceLayer,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    caching,
    guard::panicked,
    mode::Mode,
    mount::Mount,
    problem::ApiProblem,
    rate_limit::RateLimit,
    read_cache::{self, ReadCache},
    readiness::Monitor,
};

#[cfg(test)]
mod any_text;
mod digits;
mod docs;
mod entries;
pub(crate) mod etag;
mod events;
mod health;
mod legacy;
pub(crate) mod observe;
mod query;
mod range;
mod root;
mod submission;
mod submit;

pub(crate) use root::hi;

/// State shared by the API's handlers.
#[derive(Clone)]
pub(crate) struct ApiState {
    /// The Record and the Board.
    pub(crate) store: Arc<Store>,
    /// Limit on submissions per client.
    pub(crate) rate_limit: Arc<RateLimit>,
    /// Permits for event streams, one for each.
    pub(crate) streams: Arc<Semaphore>,
    /// Responses kept in memory.
    pub(crate) read_cache: Arc<ReadCache>,
    /// Checks the Record and the Board.
    pub(crate) monitor: Arc<Monitor>,
    /// Handle that renders the metrics.
    pub(crate) metrics: PrometheusHandle,
    /// Mode, which determines the names of the Record and the Board in health responses.
    pub(crate) mode: Mode,
    /// Other origins allowed to call the API.
    pub(crate) cors_origins: Vec<HeaderValue>,
    /// Time limit for the body of a request.
    pub(crate) body_deadline: Duration,
}

/// Availability of `/metrics` on one listener.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum MetricsRoute {
    /// Served: either there is no proxy in front, or nginx blocks this route for outside clients.
    Served,
    /// Not served.
    Hidden,
}

/// The API's routes with their documentation. Those whose responses may be kept come first.
fn routes(metrics: MetricsRoute) -> [OpenApiRouter<ApiState>; 2] {
    let kept = OpenApiRouter::with_openapi(docs::Description::with_job())
        .routes(routes!(entries::list, submit::submit))
        .routes(routes!(entries::one));
    let routes = OpenApiRouter::new()
        .routes(routes!(legacy::all))
        .routes(routes!(legacy::current))
        .routes(routes!(events::stream))
        .routes(routes!(digits::digits))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::check))
        .routes(routes!(docs::openapi))
        .routes(routes!(docs::page));
    let others = match metrics {
        MetricsRoute::Served => routes.routes(routes!(observe::metrics)),
        MetricsRoute::Hidden => routes,
    };
    [kept, others]
}

/// Responds to an address without a route. The original's router ignored a slash at the end, so such an address is
/// redirected; relatively, which is right at every mount.
async fn unknown_address(mount: Mount, OriginalUri(uri): OriginalUri) -> Response {
    let last = uri.path().strip_suffix('/').and_then(|path| path.rsplit('/').next());
    match last.filter(|last| !last.is_empty()) {
        Some(last) => {
            let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
            Redirect::permanent(&format!("../{last}{query}")).into_response()
        }
        None => mount.no_such_endpoint().into_response(),
    }
}

/// The API on one listener.
pub(crate) fn router(state: ApiState, metrics: MetricsRoute) -> Router {
    let [kept, others] = routes(metrics).map(Router::from);
    let keepable = middleware::from_fn_with_state(Arc::clone(&state.read_cache), read_cache::keepable);
    let mut routes = kept
        .route_layer(keepable)
        .merge(others)
        // Kept from the original, and not worth documenting.
        .route("/", get(hi))
        .method_not_allowed_fallback(|| async { ApiProblem::method_not_allowed() })
        .fallback(unknown_address)
        .layer(middleware::from_fn(observe::count));
    if !state.cors_origins.is_empty() {
        let cors = CorsLayer::new()
            .allow_origin(state.cors_origins.clone())
            .allow_methods([axum::http::Method::GET, axum::http::Method::POST])
            .allow_headers([header::CONTENT_TYPE])
            .expose_headers([header::LINK, header::RETRY_AFTER]);
        routes = routes.layer(cors);
    }
    let request_id = HeaderName::from_static("x-request-id");
    routes
        .layer(CatchPanicLayer::custom(panicked))
        .layer(SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, caching::NEVER))
        .layer(middleware::map_response(caching::forbid_caching_errors))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
        .layer(PropagateRequestIdLayer::new(request_id.clone()))
        .layer(TraceLayer::new_for_http().make_span_with(observe::span))
        .layer(SetRequestIdLayer::new(request_id, MakeRequestUuid))
        .layer(middleware::map_request(observe::drop_invalid_request_id))
        .with_state(state)
}
