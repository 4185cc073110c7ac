//! Health: is the process up, and do the parts behind it answer?

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use protocol::PROBLEM_MEDIA_TYPE;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::Api;

/// A part that has not answered by then is down.
const DEADLINE: Duration = Duration::from_secs(2);

/// The process is up. What orchestrators restart on.
pub(super) async fn live() -> Json<Value> {
    Json(json!({ "success": true, "status": "live" }))
}

/// Every part answers, each named with its state. What people and alarms watch.
pub(super) async fn ready(State(api): State<Api>) -> Response {
    let (record, board) = tokio::join!(
        timeout(DEADLINE, api.store.record().check()),
        timeout(DEADLINE, api.store.board().check()),
    );
    let record = state(record.map(|answer| answer.map_err(|error| error.to_string())));
    let board = state(board.map(|answer| answer.map_err(|error| error.to_string())));
    let ready = record == "up" && board == "up";
    let parts = json!({ api.parts.record: record, api.parts.board: board });
    if ready {
        return Json(json!({ "success": true, "status": "ready", "parts": parts })).into_response();
    }
    let problem = json!({
        "type": "about:blank",
        "title": "Not ready",
        "status": StatusCode::SERVICE_UNAVAILABLE.as_u16(),
        "detail": "A part of the system does not answer: see `parts`.",
        "success": false,
        "parts": parts,
    });
    (StatusCode::SERVICE_UNAVAILABLE, [(header::CONTENT_TYPE, PROBLEM_MEDIA_TYPE)], Json(problem))
        .into_response()
}

// What exactly is wrong is for the log: an error may name hosts and users.
fn state(answer: Result<Result<(), String>, tokio::time::error::Elapsed>) -> &'static str {
    match answer {
        Ok(Ok(())) => "up",
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready");
            "down"
        }
        Err(_) => "no answer",
    }
}
