//! `GET /values/all` and `GET /values/current`: the original's two lists, streamed.

use std::{collections::HashMap, fmt::Write, sync::Arc};

use axum::{extract::State, http::HeaderMap, response::Response};
use bytes::Bytes;
use futures::future::BoxFuture;
use job::JOB;
use protocol::{Index, Outcome, names};
use store::{RecordError, Store};
use utoipa::ToSchema;

use super::ApiState;
use crate::{
    problem::{ApiProblem, Conditional, Unavailable},
    read_cache::{List, Page},
};

const INDEXES_PER_PAGE: u32 = 1_000;
const VALUES_PER_PAGE: u32 = 250;

// Only documents the rows, which are written directly as text.
/// A submitted index.
#[derive(ToSchema)]
#[expect(dead_code)]
struct Row {
    number: Index,
}

/// All indexes, each listed once, in order of first submission
///
/// `[{"number":7},…]`
#[utoipa::path(
    get,
    path = "/values/all",
    responses((status = OK, description = "Streamed.", body = [Row]), Conditional, Unavailable),
)]
pub(super) async fn all(State(state): State<ApiState>, headers: HeaderMap) -> Result<Response, ApiProblem> {
    Ok(state.read_cache.list(List::All, read_indexes, "]", &headers).await?)
}

/// Every index with its value
///
/// An index without a value has `Nothing yet!`. A value of more than 1,000 digits appears as head, …, tail and number
/// of digits.
#[utoipa::path(
    get,
    path = "/values/current",
    responses((
        status = OK, description = "Streamed.", body = HashMap<String, String>,
        example = json!(current_example()),
    ), Conditional, Unavailable),
)]
pub(super) async fn current(
    State(state): State<ApiState>,
    headers: HeaderMap,
) -> Result<Response, ApiProblem> {
    Ok(state.read_cache.list(List::Current, read_values, "}", &headers).await?)
}

/// Returns an example with a computed value and a pending one.
fn current_example() -> HashMap<String, String> {
    let index = JOB.lowest_index + 7;
    let value = JOB.value(index).unwrap_or_default();
    HashMap::from([(index.to_string(), value), ((index + 1).to_string(), names::NOTHING_YET.to_owned())])
}

/// Reads a page of `/values/all`. The first one begins with the opening bracket.
fn read_indexes(store: Arc<Store>, after: u64) -> BoxFuture<'static, Result<Page, RecordError>> {
    Box::pin(async move {
        let listed = store.record().listed(after, INDEXES_PER_PAGE).await?;
        let mut text = String::with_capacity(listed.len() * 24 + 1);
        let mut separator = if after == 0 { '[' } else { ',' };
        for (_, index) in &listed {
            // Writing to a string cannot fail.
            let _ = write!(text, "{separator}{{\"number\":{index}}}");
            separator = ',';
        }
        let last = listed.last().map(|(position, _)| *position);
        Ok(page(text, after, last.filter(|_| listed.len() == INDEXES_PER_PAGE as usize), "["))
    })
}

/// Reads a page of `/values/current`. The first one begins with the opening brace.
fn read_values(store: Arc<Store>, after: u64) -> BoxFuture<'static, Result<Page, RecordError>> {
    Box::pin(async move {
        let values = store.record().outcomes(after, VALUES_PER_PAGE).await?;
        let mut text = String::new();
        let mut separator = if after == 0 { '{' } else { ',' };
        for (_, index, outcome) in &values {
            let value = outcome.as_ref().map_or_else(|| names::NOTHING_YET.to_owned(), Outcome::brief);
            let _ = write!(text, "{separator}\"{index}\":{}", serde_json::Value::from(value));
            separator = ',';
        }
        let last = values.last().map(|(position, ..)| *position);
        Ok(page(text, after, last.filter(|_| values.len() == VALUES_PER_PAGE as usize), "{"))
    })
}

fn page(text: String, after: u64, next: Option<u64>, opening: &'static str) -> Page {
    // The first page of an empty list has no member that the bracket could precede.
    let text =
        if after == 0 && text.is_empty() { Bytes::from_static(opening.as_bytes()) } else { text.into() };
    Page { text, next }
}
