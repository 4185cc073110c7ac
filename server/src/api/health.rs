//! Health checks: liveness (the process is up) and readiness (the Record and the Board can do their work).

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use protocol::{PROBLEM_MEDIA_TYPE, Problem};
use serde::Serialize;
use utoipa::ToSchema;

use super::ApiState;
use crate::readiness::PartState;

/// State of each part by its name, such as `postgres`.
type Parts = BTreeMap<&'static str, PartState>;

/// Sentences about each part, by its name. A part without any is left out.
type Reasons = BTreeMap<&'static str, Vec<String>>;

/// A healthy server.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// Always `true`.
    success: bool,
    /// `live` or `ready`.
    status: &'static str,
    /// State of the database and of Redis, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, PartState>>)]
    parts: Option<Parts>,
    /// Settings that may cost time or data, by part. Absent if there are none.
    #[serde(skip_serializing_if = "Reasons::is_empty")]
    #[schema(value_type = BTreeMap<String, Vec<String>>)]
    warnings: Reasons,
}

/// A problem that also names the state of each part.
#[derive(Serialize, ToSchema)]
struct NotReady {
    #[serde(flatten)]
    problem: Problem,
    /// Always `false`.
    success: bool,
    /// State of the database and of Redis, by name.
    #[schema(value_type = BTreeMap<String, PartState>)]
    parts: Parts,
    /// The permissions or resources that are missing, by part: one sentence each.
    #[schema(value_type = BTreeMap<String, Vec<String>>)]
    reasons: Reasons,
}

/// Liveness: the process is up
///
/// Load balancers and orchestrators restart a server that fails this check.
#[utoipa::path(
    get,
    path = "/health/live",
    responses((status = OK, description = "The process is up.", body = Health)),
)]
pub(super) async fn live() -> Json<Health> {
    Json(Health { success: true, status: "live", parts: None, warnings: Reasons::new() })
}

/// Readiness: every part can do its work
///
/// Exercises what the work needs, not only whether each part responds: on Redis, every command on every key, publishing,
/// and receiving messages. What is missing is named in `reasons`. Results are reused for a second. Intended for operators and alarms, not for restarting servers.
#[utoipa::path(
    get,
    path = "/health/ready",
    responses(
        (status = OK, description = "Every part can do its work.", body = Health),
        (status = SERVICE_UNAVAILABLE, description = "Some part cannot do its work; `parts` has the state of each, `reasons` what is missing.",
         body = NotReady, content_type = PROBLEM_MEDIA_TYPE),
    ),
)]
pub(super) async fn ready(State(state): State<ApiState>) -> Response {
    let readiness = state.monitor.readiness().await;
    let parts = Parts::from([(state.mode.record(), readiness.record), (state.mode.board(), readiness.board)]);
    let of_board = |sentences: Vec<String>| {
        let sentences = Some(sentences).filter(|sentences| !sentences.is_empty());
        sentences.map(|sentences| (state.mode.board(), sentences)).into_iter().collect()
    };
    if readiness.is_ready() {
        let warnings = of_board(readiness.board_warnings);
        return Json(Health { success: true, status: "ready", parts: Some(parts), warnings }).into_response();
    }
    let mut reasons: Reasons = of_board(readiness.board_reasons);
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE.as_u16(), "Not ready")
        .with_detail("Part of the system is not responding, or lacks something: see `parts` and `reasons`.");
    if let Some(reason) = readiness.record_reason {
        reasons.insert(state.mode.record(), vec![format!("The database cannot be used: {reason}.")]);
    }
    let body = NotReady { problem, success: false, parts, reasons };
    (StatusCode::SERVICE_UNAVAILABLE, [(header::CONTENT_TYPE, PROBLEM_MEDIA_TYPE)], Json(body))
        .into_response()
}

/// The same as `/health/ready`
#[utoipa::path(
    get,
    path = "/health-check",
    operation_id = "healthCheck",
    responses(
        (status = OK, description = "Every part can do its work.", body = Health),
        (status = SERVICE_UNAVAILABLE, description = "Some part cannot do its work; `parts` has the state of each, `reasons` what is missing.",
         body = NotReady, content_type = PROBLEM_MEDIA_TYPE),
    ),
)]
pub(super) async fn check(state: State<ApiState>) -> Response {
    ready(state).await
}
