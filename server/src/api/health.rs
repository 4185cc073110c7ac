//! Health: is the process up, and do the parts behind it answer?

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use protocol::PROBLEM_MEDIA_TYPE;
use serde_json::{Value, json};

use super::ApiState;
use crate::readiness::Readiness;

/// The process is up. What orchestrators restart on.
pub(super) async fn live() -> Json<Value> {
    Json(json!({ "success": true, "status": "live" }))
}

/// Every part answers, each named with its state. What people and alarms watch.
pub(super) async fn ready(State(state): State<ApiState>) -> Response {
    let readiness = Readiness::of(&state.store).await;
    let parts = json!({ state.mode.record(): readiness.record, state.mode.board(): readiness.board });
    if readiness.is_ready() {
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
