//! Responses kept in memory. Reads stay exact: before a kept response is sent again, the Record is asked whether
//! anything that it shows has changed (see [`Store::version`]).

mod list;
mod response;

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, PoisonError},
};

use axum::http::{HeaderMap, HeaderValue};
use bytes::Bytes;
use quick_cache::{OptionsBuilder, Weighter, sync::Cache};
use store::{Scope, Store, Version};
use tokio::sync::OnceCell;

use crate::{
    api::observe::Route,
    compression::{self, Encoding},
};
pub(crate) use list::{List, Page};
pub(crate) use response::{in_front_of, keepable};

/// Parts of the cache with a lock of their own. Each has its share of the budget, and nothing larger fits.
const SHARDS: usize = 8;
/// Typical size of a kept item, for the initial capacity.
const TYPICAL_BYTES: u64 = 16 * 1024;
/// Memory for an item besides its body.
const OVERHEAD_BYTES: usize = 1_024;

/// Responses and parts of them, within a budget.
pub(crate) struct ReadCache {
    store: Arc<Store>,
    kept: Cache<Key, Arc<Kept>, Weight>,
    budget: u64,
}

/// Identifies a response or a part of one.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Key {
    /// A whole response: path and query, and the prefix that its addresses begin with.
    Response(Area, String, Option<HeaderValue>),
    /// The page of a list that follows a position.
    Page(List, u64),
}

/// A listener: the same address may lead to another response on the other.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Area {
    Api,
    Site,
}

/// A response or a part of one.
struct Kept {
    body: Bytes,
    /// The body compressed with brotli and with gzip, once a client has asked for it; `None` if that is not worth it.
    compressed: [OnceCell<Option<Bytes>>; 2],
    /// Hash of the body.
    hash: u64,
    scope: Scope,
    /// Version at which the body was last known to be current.
    version: Mutex<Version>,
    /// Headers of a response.
    headers: HeaderMap,
    /// Route of a response that is counted.
    route: Option<Route>,
    /// Position after which the next page of a list begins.
    next: Option<u64>,
}

#[derive(Clone)]
struct Weight;

impl Weighter<Key, Arc<Kept>> for Weight {
    fn weight(&self, key: &Key, kept: &Arc<Kept>) -> u64 {
        let body = kept.body.len();
        let bytes = match key {
            // Compressed, a body has less than half its size, and there are two codings.
            Key::Response(_, target, _) => 2 * body + target.len(),
            Key::Page(..) => body,
        };
        (bytes + OVERHEAD_BYTES) as u64
    }
}

impl ReadCache {
    /// Creates a cache that keeps up to `budget` bytes; with 0, it keeps nothing.
    pub(crate) fn new(store: Arc<Store>, budget: u64) -> Self {
        let items = usize::try_from(budget / TYPICAL_BYTES).unwrap_or(usize::MAX).max(1);
        let options = OptionsBuilder::new()
            .shards(SHARDS)
            .estimated_items_capacity(items)
            .weight_capacity(budget)
            .build()
            .expect("all required options are set");
        Self {
            store,
            kept: Cache::with_options(options, Weight, Default::default(), Default::default()),
            budget,
        }
    }

    /// Size in bytes of everything that is kept.
    pub(crate) fn size(&self) -> u64 {
        self.kept.weight()
    }

    /// Returns the current version of the Record; `None` if nothing can be kept.
    async fn version(&self) -> Option<Version> {
        if self.budget == 0 { None } else { self.store.version().await }
    }

    /// Returns what is kept under a key if it is current.
    fn current(&self, key: &Key, version: Version) -> Option<Arc<Kept>> {
        let kept = self.kept.get(key)?;
        kept.is_current(&self.store, version).then_some(kept)
    }
}

impl Kept {
    fn new(body: Bytes, scope: Scope, version: Version) -> Self {
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        let hash = hasher.finish();
        Self {
            body,
            compressed: Default::default(),
            hash,
            scope,
            version: Mutex::new(version),
            headers: HeaderMap::new(),
            route: None,
            next: None,
        }
    }

    /// Returns the compressed body. It is compressed only once, even if several clients ask at the same time.
    async fn compressed(&self, encoding: Encoding) -> Option<Bytes> {
        let compress = || compression::compress(encoding, self.body.clone());
        self.compressed[encoding as usize].get_or_init(compress).await.clone()
    }

    /// Returns true if the body is as it would be at `version` or later.
    fn is_current(&self, store: &Store, version: Version) -> bool {
        let mut known = self.version.lock().unwrap_or_else(PoisonError::into_inner);
        if *known >= version {
            return true;
        }
        match store.unchanged(&self.scope, *known) {
            Some(now) => {
                *known = now;
                true
            }
            None => false,
        }
    }
}

/// Returns the entity tag of content with this hash in a coding. It is the same on every server.
fn etag(hash: u64, encoding: Option<Encoding>) -> HeaderValue {
    let (separator, name) = encoding.map_or(("", ""), |encoding| ("-", encoding.name()));
    HeaderValue::try_from(format!("\"{hash:016x}{separator}{name}\"")).expect("letters and digits in quotes")
}
