//! Answers those who ask how the worker is, over HTTP, so that container engines and orchestrators can.

use std::{io, net::SocketAddr, sync::Arc};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::Worker;

/// Where it is asked.
pub const PATH: &str = "/health";

/// Answers `GET /health` with 200, or with 503 and what is wrong, until stopped.
///
/// # Errors
/// The address is taken.
pub async fn serve(address: SocketAddr, worker: Arc<Worker>, stop: CancellationToken) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, "answers GET {PATH}");
    let router = Router::new().route(PATH, get(health)).with_state(worker);
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
}

async fn health(State(worker): State<Arc<Worker>>) -> (StatusCode, String) {
    match worker.health().await {
        Ok(()) => (StatusCode::OK, "well\n".to_owned()),
        Err(unwell) => (StatusCode::SERVICE_UNAVAILABLE, format!("{unwell}\n")),
    }
}
