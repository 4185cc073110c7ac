//! `GET /values` and `GET /values/{index}`: what is known of the indexes.

use axum::{
    Json,
    extract::{Path, RawQuery, State},
    http::{HeaderName, header},
    response::AppendHeaders,
};
use protocol::{Entry, Index, MaxIndex, names};
use serde::Deserialize;

use super::ApiState;
use crate::problem::ApiProblem;

type Headers = AppendHeaders<Option<(HeaderName, String)>>;

#[derive(Deserialize)]
struct PageQuery {
    limit: Option<u32>,
    before: Option<u64>,
}

/// A page of entries, newest first; `Link: rel="next"` when there are older ones.
pub(super) async fn list(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
) -> Result<(Headers, Json<Vec<Entry>>), ApiProblem> {
    let query: PageQuery =
        serde_urlencoded::from_str(query.as_deref().unwrap_or_default()).map_err(|error| {
            ApiProblem::bad_request(
                "Malformed query",
                format!("{error}: `limit` and `before` are whole numbers, each given at most once."),
            )
        })?;
    let limit = query.limit.unwrap_or(names::PAGE_SIZE);
    if !(1..=names::MAX_PAGE_SIZE).contains(&limit) {
        return Err(ApiProblem::unprocessable(
            "Limit out of range",
            format!("`limit` is a whole number from 1 to {}.", names::MAX_PAGE_SIZE),
        ));
    }
    // One more than asked for tells whether there is a next page.
    let mut entries = state.store.page(query.before, limit + 1).await?;
    let more = entries.len() > limit as usize;
    entries.truncate(limit as usize);
    // Relative to the address that was asked, whatever stands in front of it and rewrites it.
    let next = entries
        .last()
        .filter(|_| more)
        .map(|last| (header::LINK, format!("<?limit={limit}&before={}>; rel=\"next\"", last.position)));
    Ok((AppendHeaders(next), Json(entries)))
}

/// One entry.
pub(super) async fn one(
    State(state): State<ApiState>,
    Path(text): Path<String>,
) -> Result<Json<Entry>, ApiProblem> {
    let index = index_of_path(&text)?;
    let entry = state.store.entry(index).await?;
    entry.map(Json).ok_or_else(|| never_submitted(index))
}

/// Entries above the maximum exist, too: taken over from an original system, and failed.
pub(super) fn index_of_path(text: &str) -> Result<Index, ApiProblem> {
    Index::parse(text, MaxIndex::new(Index::MAX)).map_err(|error| ApiProblem::not_found(error.to_string()))
}

pub(super) fn never_submitted(index: Index) -> ApiProblem {
    ApiProblem::not_found(format!("The index {index} was never submitted. Submit it with POST /values."))
}
