//! The API: the wire contract as routes. Served at the root of the api listener and under `/api` on the site
//! listener.

use std::{any::Any, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
};
use metrics_exporter_prometheus::PrometheusHandle;
use store::Store;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower_http::{
    catch_panic::CatchPanicLayer,
    cors::CorsLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    set_header::SetResponseHeaderLayer,
    timeout::TimeoutLayer,
    trace::TraceLayer,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{caching, mode::Mode, mount::Mount, problem::ApiProblem, rate_limit::RateLimit};

#[cfg(test)]
mod any_text;
mod digits;
mod docs;
mod entries;
mod events;
mod health;
mod legacy;
mod observe;
mod submission;
mod submit;

/// Time limit for a handler to start its response.
const REQUEST_DEADLINE: Duration = Duration::from_secs(30);

/// State shared by the API's handlers.
#[derive(Clone)]
pub(crate) struct ApiState {
    /// The Record and the Board.
    pub(crate) store: Arc<Store>,
    /// Limits submissions per client.
    pub(crate) rate_limit: Arc<RateLimit>,
    /// One permit per live event stream.
    pub(crate) streams: Arc<Semaphore>,
    /// Ends the event streams when the server stops.
    pub(crate) stop: CancellationToken,
    /// Renders the metrics.
    pub(crate) metrics: PrometheusHandle,
    /// Names the Record and the Board in health responses.
    pub(crate) mode: Mode,
    /// Other origins allowed to call the API.
    pub(crate) cors_origins: Vec<HeaderValue>,
}

/// Controls `/metrics` on one listener.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum MetricsRoute {
    /// Served: either there is no proxy in front, or nginx blocks this route for outside clients.
    Served,
    /// Not served.
    Hidden,
}

/// The API's routes with their documentation.
fn routes(metrics: MetricsRoute) -> OpenApiRouter<ApiState> {
    let routes = OpenApiRouter::with_openapi(docs::Description::with_job())
        .routes(routes!(entries::list, submit::submit))
        .routes(routes!(legacy::all))
        .routes(routes!(legacy::current))
        .routes(routes!(events::stream))
        .routes(routes!(entries::one))
        .routes(routes!(digits::digits))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::check))
        .routes(routes!(docs::openapi))
        .routes(routes!(docs::page));
    match metrics {
        MetricsRoute::Served => routes.routes(routes!(observe::metrics)),
        MetricsRoute::Hidden => routes,
    }
}

/// The API on one listener.
pub(crate) fn router(state: ApiState, metrics: MetricsRoute) -> Router {
    let mut routes = Router::from(routes(metrics))
        .method_not_allowed_fallback(|| async { ApiProblem::method_not_allowed() })
        .fallback(|mount: Mount| async move { mount.no_such_endpoint() })
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
        .layer(DefaultBodyLimit::max(submission::MAX_BODY_BYTES))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, REQUEST_DEADLINE))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-store"),
        ))
        .layer(middleware::map_response(caching::keep_no_error))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
        .layer(PropagateRequestIdLayer::new(request_id.clone()))
        .layer(TraceLayer::new_for_http().make_span_with(observe::span))
        .layer(SetRequestIdLayer::new(request_id, MakeRequestUuid))
        .with_state(state)
}

// The layer passes the panic by value.
#[expect(clippy::needless_pass_by_value)]
fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!(panic = message, "handler panicked");
    ApiProblem::internal().into_response()
}
