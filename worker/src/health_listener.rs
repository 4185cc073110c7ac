//! Health endpoint for container engines and orchestrators.

use std::{io, net::SocketAddr, sync::Arc};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::Worker;

/// Path of the health endpoint.
pub const PATH: &str = "/health";

/// Serves `GET /health` until stopped: 200, or 503 and the reason.
///
/// # Errors
/// The address cannot be bound.
pub async fn serve(address: SocketAddr, worker: Arc<Worker>, stop: CancellationToken) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, "serving GET {PATH}");
    let router = Router::new().route(PATH, get(health)).with_state(worker);
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
}

async fn health(State(worker): State<Arc<Worker>>) -> (StatusCode, String) {
    match worker.health().await {
        Ok(()) => (StatusCode::OK, "well\n".to_owned()),
        Err(unhealthy) => (StatusCode::SERVICE_UNAVAILABLE, format!("{unhealthy}\n")),
    }
}
