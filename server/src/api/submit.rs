//! `POST /values`.

use std::net::SocketAddr;

use axum::{
    Json,
    body::Body,
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use protocol::{Entry, FormProblem, PROBLEM_MEDIA_TYPE, Problem};
use serde::Serialize;
use store::now_us;
use utoipa::ToSchema;

use super::{
    ApiState,
    submission::{Client, Submission, SubmissionBody},
};
use crate::{
    mount::Mount,
    problem::{ApiProblem, Unavailable},
};

/// Response to an accepted submission.
#[derive(Serialize, ToSchema)]
struct Accepted {
    /// Always `true`: the original's whole response.
    working: bool,
    /// The submitted index and its state.
    entry: Entry,
}

/// Submit an index
///
/// Responds once the index is recorded. Its value follows when a worker has computed it.
#[utoipa::path(
    post,
    path = "/values",
    request_body(content(
        (SubmissionBody = "application/json", example = json!({ "index": "7" })),
        (SubmissionBody = "application/x-www-form-urlencoded"),
    )),
    responses(
        (status = OK, description = "Accepted.", body = Accepted),
        (status = SEE_OTHER, description = "To a plain form that accepts text/html: back to the page.",
         headers(("Location" = String))),
        (status = BAD_REQUEST, description = "The body is malformed.", body = Problem,
         content_type = PROBLEM_MEDIA_TYPE),
        (status = REQUEST_TIMEOUT, description = "The body did not arrive in time.", body = Problem,
         content_type = PROBLEM_MEDIA_TYPE),
        (status = PAYLOAD_TOO_LARGE, description = "The body is too large.", body = Problem,
         content_type = PROBLEM_MEDIA_TYPE),
        (status = UNSUPPORTED_MEDIA_TYPE, description = "Neither JSON nor a form in UTF-8, or packed other than by gzip or deflate.", body = Problem,
         content_type = PROBLEM_MEDIA_TYPE),
        (status = UNPROCESSABLE_ENTITY, description = "Not an index, or `Index too high`.", body = Problem,
         content_type = PROBLEM_MEDIA_TYPE),
        (status = TOO_MANY_REQUESTS, description = "Too many submissions.", body = Problem,
         content_type = PROBLEM_MEDIA_TYPE,
         headers(("Retry-After" = u64, description = "When to try again, in seconds."))),
        Unavailable,
    ),
)]
pub(super) async fn submit(
    State(state): State<ApiState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mount: Mount,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let accepted_us = now_us();
    let client = Client::of(&headers);
    let mut text = None;
    let outcome = async {
        state.rate_limit.check(peer, &headers).map_err(ApiProblem::too_many_requests)?;
        let submission = Submission::read(&headers, body, state.body_deadline).await?;
        let index = submission.index(state.store.index_range());
        text = Some(submission.text);
        Ok::<_, ApiProblem>(state.store.submit(index?, accepted_us).await?)
    }
    .await;
    match (client, outcome) {
        (Client::Program, Ok(entry)) => Json(Accepted { working: true, entry }).into_response(),
        (Client::Program, Err(problem)) => problem.into_response(),
        (Client::PlainForm, outcome) => back_to_page(&mount, text.as_deref(), outcome.err().as_ref()),
    }
}

/// Redirects to the page with the submitted text. The page validates the text by the same rules, so only problems that
/// it cannot detect are passed along.
fn back_to_page(mount: &Mount, text: Option<&str>, problem: Option<&ApiProblem>) -> Response {
    let problem = problem.and_then(|problem| match problem.status() {
        StatusCode::TOO_MANY_REQUESTS => Some(FormProblem::Busy),
        status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
            Some(FormProblem::Unavailable)
        }
        _ => None,
    });
    let mut query = Vec::new();
    // A longer text cannot be an index anyway.
    const SHOWN_CHARS: usize = 100;
    // An empty parameter would count as absent. With a blank, the page explains what is wrong.
    let text = text.filter(|text| !text.is_empty()).unwrap_or(" ");
    query.push(("index", text.chars().take(SHOWN_CHARS).collect::<String>()));
    if let Some(problem) = problem {
        query.push(("problem", problem.as_str().to_owned()));
    }
    let query = serde_urlencoded::to_string(query).unwrap_or_default();
    Redirect::to(&mount.site_address(&format!("/?{query}"))).into_response()
}
