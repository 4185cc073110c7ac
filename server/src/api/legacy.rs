//! `GET /values/all` and `GET /values/current`: the original's two lists, streamed.

use std::{collections::HashMap, sync::Arc};

use axum::{
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::{StreamExt, stream};
use job::JOB;
use protocol::{Index, names};
use store::{RecordError, Store};
use utoipa::ToSchema;

use super::ApiState;
use crate::problem::{ApiProblem, Unavailable};

const INDEXES_PER_PAGE: u32 = 1_000;
const VALUES_PER_PAGE: u32 = 100;

// Only documents the rows, which are written directly as text.
/// A submitted index.
#[derive(ToSchema)]
#[expect(dead_code)]
struct Row {
    number: Index,
}

/// One of the two lists.
#[derive(Clone, Copy)]
enum Read {
    All,
    Current,
}

/// One page of the list as JSON members, and the position after which the next page begins.
struct Page {
    members: Vec<String>,
    last: Option<u64>,
}

/// All indexes, each listed once, in order of first submission
///
/// `[{"number":7},…]`
#[utoipa::path(
    get,
    path = "/values/all",
    responses((status = OK, description = "Streamed.", body = [Row]), Unavailable),
)]
pub(super) async fn all(State(state): State<ApiState>) -> Result<Response, ApiProblem> {
    stream_pages(state.store, Read::All).await
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
    ), Unavailable),
)]
pub(super) async fn current(State(state): State<ApiState>) -> Result<Response, ApiProblem> {
    stream_pages(state.store, Read::Current).await
}

/// Returns an example with a computed value and a pending one.
fn current_example() -> HashMap<String, String> {
    let index = JOB.lowest_index + 7;
    let value = JOB.value(index).unwrap_or_default();
    HashMap::from([(index.to_string(), value), ((index + 1).to_string(), names::NOTHING_YET.to_owned())])
}

impl Read {
    async fn page(self, store: &Store, after: u64) -> Result<Page, RecordError> {
        Ok(match self {
            Self::All => {
                let listed = store.record().listed(after, INDEXES_PER_PAGE).await?;
                Page {
                    last: listed.last().map(|(position, _)| *position),
                    members: listed.iter().map(|(_, index)| format!("{{\"number\":{index}}}")).collect(),
                }
            }
            Self::Current => {
                let entries = store.record().oldest(after, VALUES_PER_PAGE).await?;
                Page {
                    last: entries.last().map(|entry| entry.position),
                    members: entries
                        .iter()
                        .map(|entry| {
                            format!("\"{}\":{}", entry.index, serde_json::Value::from(entry.brief()))
                        })
                        .collect(),
                }
            }
        })
    }

    const fn brackets(self) -> [&'static str; 2] {
        match self {
            Self::All => ["[", "]"],
            Self::Current => ["{", "}"],
        }
    }
}

/// Streams page after page. The next page is read only once the client has read the previous one, and no database
/// connection is held in between. The first page is read before the response starts, so that a failing database
/// results in a problem instead of an aborted response. If it fails later, the response is aborted.
async fn stream_pages(store: Arc<Store>, read: Read) -> Result<Response, ApiProblem> {
    let [open, close] = read.brackets();
    let first = read.page(&store, 0).await?;
    let pages = stream::try_unfold(Some((first, open)), move |state| {
        let store = Arc::clone(&store);
        async move {
            let Some((page, separator)) = state else { return Ok(None) };
            let Some(last) = page.last else {
                // The list ends here. If it is empty, the opening bracket has not been sent yet.
                let opening = if separator == open { open } else { "" };
                return Ok(Some((Bytes::from(format!("{opening}{close}")), None)));
            };
            let chunk = Bytes::from(format!("{separator}{}", page.members.join(",")));
            let next = read.page(&store, last).await?;
            Ok::<_, RecordError>(Some((chunk, Some((next, ",")))))
        }
    });
    let logged = pages.inspect(|chunk| {
        if let Err(error) = chunk {
            tracing::error!(%error, "aborted a streamed list");
        }
    });
    Ok(([(header::CONTENT_TYPE, "application/json")], Body::from_stream(logged)).into_response())
}
