//! Lists of any length, kept page by page.

use std::{
    collections::VecDeque,
    convert::Infallible,
    hash::{DefaultHasher, Hash, Hasher},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    Extension,
    body::{Body, HttpBody},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::{TryStreamExt, future::BoxFuture, stream};
use http_body::{Frame, SizeHint};
use store::{RecordError, Scope, Store, Version};

use super::{
    Kept, Key, ReadCache,
    response::{Conditions, Keepable, MAX_BYTES},
};
use crate::caching;

/// Number of pages to read before a response starts. If the list is longer, it is streamed, without a length.
const READ_BEFORE_START: usize = 4;

/// One of the original's lists.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum List {
    /// `GET /values/all`
    All,
    /// `GET /values/current`
    Current,
}

/// A page of a list: its text, with the separator before it, and the position after which the next page begins.
pub(crate) struct Page {
    pub(crate) text: Bytes,
    pub(crate) next: Option<u64>,
}

/// Reads the page that follows a position.
pub(crate) type ReadPage = fn(Arc<Store>, u64) -> BoxFuture<'static, Result<Page, RecordError>>;

impl ReadCache {
    /// Responds with a whole list, from its kept pages as far as they are current. `end` follows the last page.
    ///
    /// The first page is read before the response starts, so that a failing database results in a problem instead of
    /// an aborted response. No database connection is held while the client reads.
    pub(crate) async fn list(
        self: Arc<Self>,
        list: List,
        read: ReadPage,
        end: &'static str,
        request: &HeaderMap,
    ) -> Result<Response, RecordError> {
        let version = self.version().await;
        let mut pages = Pages { cache: self, list, read, version, after: Some(0), read_bytes: 0 };
        let (mut chunks, mut hasher, mut read_pages) = (Chunks::default(), DefaultHasher::new(), 0);
        while let Some((page, was_kept)) = pages.next().await? {
            page.hash.hash(&mut hasher);
            chunks.push(page.body.clone());
            read_pages += usize::from(!was_kept);
            if read_pages == READ_BEFORE_START && pages.after.is_some() {
                return Ok(pages.stream(chunks, end));
            }
        }
        chunks.push(Bytes::from_static(end.as_bytes()));
        if let Some(version) = pages.version.filter(|_| chunks.length <= MAX_BYTES) {
            // Kept as a whole, which also adds the entity tag.
            let keepable = Extension(Keepable { scope: Scope::ANY, version });
            let content_type = [(header::CONTENT_TYPE, "application/json")];
            return Ok((keepable, content_type, Body::new(chunks)).into_response());
        }
        let headers = HeaderMap::from_iter([
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::CACHE_CONTROL, caching::REVALIDATED),
        ]);
        Ok(Conditions::of(request).response(headers, hasher.finish(), Body::new(chunks)))
    }
}

/// The pages of a list that are still to be sent.
struct Pages {
    cache: Arc<ReadCache>,
    list: List,
    read: ReadPage,
    version: Option<Version>,
    after: Option<u64>,
    /// Number of bytes read for this response.
    read_bytes: u64,
}

impl Pages {
    /// Returns the next page, and true if it was kept.
    async fn next(&mut self) -> Result<Option<(Arc<Kept>, bool)>, RecordError> {
        let Some(after) = self.after else { return Ok(None) };
        let key = Key::Page(self.list, after);
        let found = self.version.and_then(|version| self.cache.current(&key, version));
        let was_kept = found.is_some();
        let page = match found {
            Some(page) => page,
            None => self.read(key, after).await?,
        };
        self.after = page.next;
        Ok(Some((page, was_kept)))
    }

    async fn read(&mut self, key: Key, after: u64) -> Result<Arc<Kept>, RecordError> {
        let Page { text, next } = (self.read)(Arc::clone(&self.cache.store), after).await?;
        let scope = Scope::Positions(after + 1..=next.unwrap_or(u64::MAX));
        let version = self.version.unwrap_or(Version::UNKNOWN);
        let page = Arc::new(Kept { next, ..Kept::new(text, scope, version) });
        self.read_bytes += page.body.len() as u64;
        // A list beyond the budget would only displace everything else.
        if self.version.is_some() && self.read_bytes <= self.cache.budget / 2 {
            self.cache.kept.insert(key, Arc::clone(&page));
        }
        Ok(page)
    }

    /// Streams the rest of the list. The next page is read only once the client has read the previous one.
    fn stream(self, start: Chunks, end: &'static str) -> Response {
        let start = stream::iter(start.chunks.into_iter().map(Ok::<_, RecordError>));
        let rest = stream::try_unfold(Some(self), move |state| async move {
            let Some(mut pages) = state else { return Ok(None) };
            Ok(match pages.next().await? {
                Some((page, _)) => Some((page.body.clone(), Some(pages))),
                None => Some((Bytes::from_static(end.as_bytes()), None)),
            })
        });
        let logged = futures::StreamExt::chain(start, rest).inspect_err(|error| {
            tracing::error!(%error, "aborted a streamed list");
        });
        ([(header::CONTENT_TYPE, "application/json")], Body::from_stream(logged)).into_response()
    }
}

/// A body that consists of several chunks and has a known length.
#[derive(Default)]
struct Chunks {
    chunks: VecDeque<Bytes>,
    length: u64,
}

impl Chunks {
    fn push(&mut self, chunk: Bytes) {
        if !chunk.is_empty() {
            self.length += chunk.len() as u64;
            self.chunks.push_back(chunk);
        }
    }
}

impl HttpBody for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let chunk = self.chunks.pop_front();
        self.length -= chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}
