//! `GET /values/all` and `GET /values/current`: the original's two reads, streamed.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::{StreamExt, stream};
use store::{RecordError, Store};

use super::Api;
use crate::problem::ApiProblem;

const INDEXES_PER_PAGE: u32 = 1_000;
const VALUES_PER_PAGE: u32 = 100;

/// Which of the two reads.
#[derive(Clone, Copy)]
enum Read {
    All,
    Current,
}

/// One page of the list as JSON members, and the position after which the next one begins.
struct Page {
    members: Vec<String>,
    last: Option<u64>,
}

/// Every index, each once, in the order of first submission: `[{"number":7},…]`.
pub(super) async fn all(State(api): State<Api>) -> Result<Response, ApiProblem> {
    stream_pages(api.store, Read::All).await
}

/// Every index with its value: `{"7":"13","8":"Nothing yet!"}`.
pub(super) async fn current(State(api): State<Api>) -> Result<Response, ApiProblem> {
    stream_pages(api.store, Read::Current).await
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

/// Sends page after page. The next one is read when the client took the one before, and no connection
/// to the database is held meanwhile. The first is read before the answer starts, so that a database
/// that is down is a problem and not a broken answer; one that goes down later breaks it off.
async fn stream_pages(store: Arc<Store>, read: Read) -> Result<Response, ApiProblem> {
    let [open, close] = read.brackets();
    let first = read.page(&store, 0).await?;
    let pages = stream::try_unfold(Some((first, open)), move |state| {
        let store = Arc::clone(&store);
        async move {
            let Some((page, separator)) = state else { return Ok(None) };
            let Some(last) = page.last else {
                // The end; an opening bracket that is still due belongs to an empty list.
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
            tracing::error!(%error, "broke off a list");
        }
    });
    Ok(([(header::CONTENT_TYPE, "application/json")], Body::from_stream(logged)).into_response())
}
