//! `GET /values` and `GET /values/{index}`: the entries.

use axum::{
    Extension, Json,
    extract::{Path, RawQuery, State},
    http::{HeaderName, header},
    response::AppendHeaders,
};
use protocol::{Entry, Index, IndexRange, PROBLEM_MEDIA_TYPE, Problem, Status, names};
use serde::Deserialize;
use store::Scope;
use utoipa::IntoParams;

use super::{ApiState, query};
use crate::problem::{ApiProblem, Conditional, Unavailable};

/// Extension of a response that may be kept.
type Kept = Option<Extension<Scope>>;
type Headers = AppendHeaders<Option<(HeaderName, String)>>;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PageQuery {
    /// Maximum number of entries.
    #[param(minimum = 1, maximum = 100, default = json!(names::PAGE_SIZE))]
    limit: Option<u32>,
    /// Only entries whose `position` is lower.
    before: Option<u64>,
}

/// A page of entries, newest first
#[utoipa::path(
    get,
    path = "/values",
    params(PageQuery),
    responses(
        (status = OK, description = "The page.", body = [Entry],
         headers(("Link" = String, description = "The next page, as `rel=\"next\"`, if there are older entries."))),
        (status = BAD_REQUEST, description = "The query is malformed.", body = Problem,
         content_type = PROBLEM_MEDIA_TYPE),
        (status = UNPROCESSABLE_ENTITY, description = "`limit` is out of range.", body = Problem,
         content_type = PROBLEM_MEDIA_TYPE),
        Conditional, Unavailable,
    ),
)]
pub(super) async fn list(
    State(state): State<ApiState>,
    RawQuery(query): RawQuery,
) -> Result<(Kept, Headers, Json<Vec<Entry>>), ApiProblem> {
    let rule = || {
        format!(
            "`limit` must be a whole number from 1 to {}, and `before` the `position` of an entry. Send each at most once.",
            names::MAX_PAGE_SIZE
        )
    };
    let query: PageQuery = query::parse(query.as_deref().unwrap_or_default())
        .map_err(|_| ApiProblem::bad_request("Malformed query", rule()))?;
    let limit = query.limit.unwrap_or(names::PAGE_SIZE);
    if !(1..=names::MAX_PAGE_SIZE).contains(&limit) {
        return Err(ApiProblem::unprocessable("Limit out of range", rule()));
    }
    // One extra entry shows whether there is a next page.
    let mut entries = state.store.page(query.before, limit + 1).await?;
    let more = entries.len() > limit as usize;
    entries.truncate(limit as usize);
    let lowest = entries.last().filter(|_| more).map_or(0, |last| last.position);
    let highest = query.before.map_or(u64::MAX, |before| before.saturating_sub(1));
    let kept = kept(&entries, Scope::Positions(lowest..=highest));
    // A relative address stays correct behind a proxy that rewrites paths.
    let next = entries
        .last()
        .filter(|_| more)
        .map(|last| (header::LINK, format!("<?limit={limit}&before={}>; rel=\"next\"", last.position)));
    Ok((kept, AppendHeaders(next), Json(entries)))
}

/// One entry
#[utoipa::path(
    get,
    path = "/values/{index}",
    params(("index" = Index, Path, description = "A whole number from 0.")),
    responses(
        (status = OK, description = "The entry.", body = Entry),
        (status = NOT_FOUND, description = "Not an index, or never submitted.", body = Problem,
         content_type = PROBLEM_MEDIA_TYPE),
        Conditional, Unavailable,
    ),
)]
pub(super) async fn one(
    State(state): State<ApiState>,
    Path(text): Path<String>,
) -> Result<(Kept, Json<Entry>), ApiProblem> {
    let allowed = state.store.index_range();
    let index = index_of_path(&text, allowed)?;
    let entry = state.store.entry(index).await?;
    let entry = entry.ok_or_else(|| never_submitted(index, allowed))?;
    Ok((kept(std::slice::from_ref(&entry), Scope::Index(index)), Json(entry)))
}

/// Allows a response to be kept, unless it shows an entry whose state on the Board may change.
fn kept(entries: &[Entry], scope: Scope) -> Kept {
    let is_finished = |entry: &Entry| matches!(entry.status, Status::Done | Status::Failed);
    entries.iter().all(is_finished).then_some(Extension(scope))
}

/// Reads an index from a path. It may be outside the configured range: such an index may have been adopted from an
/// original system, as a failed entry.
pub(super) fn index_of_path(text: &str, allowed: IndexRange) -> Result<Index, ApiProblem> {
    Index::parse_for_lookup(text, allowed).map_err(|error| ApiProblem::not_found(error.to_string()))
}

pub(super) fn never_submitted(index: Index, allowed: IndexRange) -> ApiProblem {
    ApiProblem::not_found(match allowed.check(index) {
        Ok(()) => format!("The index {index} was never submitted. Submit it first."),
        // The index cannot be submitted, so the problem does not suggest it.
        Err(error) => error.to_string(),
    })
}
