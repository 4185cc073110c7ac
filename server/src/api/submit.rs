//! `POST /values`.

use std::net::SocketAddr;

use axum::{
    Json,
    body::Body,
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use protocol::{Entry, FormProblem};
use serde::Serialize;
use store::now_us;

use super::{
    Api,
    submission::{Asker, Submission},
};
use crate::problem::ApiProblem;

#[derive(Serialize)]
struct Accepted {
    /// The original's whole answer.
    working: bool,
    entry: Entry,
}

/// Takes a submission. The answer is sent once the index is in the Record.
pub(super) async fn submit(
    State(api): State<Api>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let accepted_us = now_us();
    let asker = Asker::of(&headers);
    let mut text = None;
    let outcome = async {
        api.client_limit.check(peer, &headers).map_err(ApiProblem::too_many_requests)?;
        let submission = Submission::read(&headers, body).await?;
        let index = submission.index(api.store.max_index());
        text = Some(submission.text);
        Ok::<_, ApiProblem>(api.store.submit(index?, accepted_us).await?)
    }
    .await;
    match (asker, outcome) {
        (Asker::Program, Ok(entry)) => Json(Accepted { working: true, entry }).into_response(),
        (Asker::Program, Err(problem)) => problem.into_response(),
        (Asker::PlainForm, outcome) => back_to_page(text.as_deref(), outcome.err().as_ref()),
    }
}

/// The page reads the same text by the same rules, so it needs no message from here to show what was
/// wrong with it; only what the page can't know goes along.
fn back_to_page(text: Option<&str>, problem: Option<&ApiProblem>) -> Response {
    let problem = problem.and_then(|problem| match problem.status() {
        StatusCode::TOO_MANY_REQUESTS => Some(FormProblem::Busy),
        status if status.is_server_error() => Some(FormProblem::Unavailable),
        _ => None,
    });
    let mut query = Vec::new();
    // A text that is too long for an address can't be an index either.
    const SHOWN_CHARS: usize = 100;
    query.push(("index", text.unwrap_or_default().chars().take(SHOWN_CHARS).collect::<String>()));
    if let Some(problem) = problem {
        query.push(("problem", problem.as_str().to_owned()));
    }
    let query = serde_urlencoded::to_string(query).unwrap_or_default();
    Redirect::to(&format!("/?{query}")).into_response()
}
