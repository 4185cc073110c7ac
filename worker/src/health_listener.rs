//! Health endpoint for container engines and orchestrators.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    routing::get,
};
use startup::connections::{Connections, Limits};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::Worker;

/// Path of the health endpoint.
pub const PATH: &str = "/health";
/// Maximum number of connections, and of one client. Few programs check a worker, and they do so one after another.
const MAX_CONNECTIONS: usize = 64;
/// Time limits for sending a request, for an idle connection, and for reading the response.
const TIME_LIMITS: [Duration; 3] = [Duration::from_secs(10); 3];

/// Serves `GET /health` until stopped: 200, or 503 and the reason.
///
/// # Errors
/// The address cannot be bound.
pub async fn serve(address: SocketAddr, worker: Arc<Worker>, stop: CancellationToken) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, "serving GET {PATH}");
    let router = Router::new().route(PATH, get(health)).with_state(worker);
    let limits = Limits::fit(Some(MAX_CONNECTIONS), None, Vec::new(), 0, TIME_LIMITS);
    let tasks = TaskTracker::new();
    Connections::new(limits, tasks.clone(), stop).serve(listener, router, describe_error).await;
    tasks.close();
    tasks.wait().await;
    Ok(())
}

/// Describes a malformed request, or too many of them, in one line.
fn describe_error(status: StatusCode, _accepts_html: bool) -> (HeaderMap, Vec<u8>) {
    let text = (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    let reason = status.canonical_reason().unwrap_or("Malformed request");
    (HeaderMap::from_iter([text]), format!("{reason}: send GET {PATH}\n").into_bytes())
}

async fn health(State(worker): State<Arc<Worker>>) -> (StatusCode, String) {
    match worker.health().await {
        Ok(()) => (StatusCode::OK, "well\n".to_owned()),
        Err(unhealthy) => (StatusCode::SERVICE_UNAVAILABLE, format!("{unhealthy}\n")),
    }
}
