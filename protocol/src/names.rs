//! Names that programs of different makers agree on.
//!
//! `values`, `insert` and [`NOTHING_YET`] are the original system's and can't change. Our own keys
//! carry the hash tag `{values}`, which puts them into the slot of `values` itself, so that a script
//! may touch them together on a cluster, too.

/// Redis hash: index in decimal → F(n) in decimal, or [`NOTHING_YET`] while pending.
pub const VALUES: &str = "values";
/// Redis channel: the index in decimal, for workers of any make.
pub const INSERT: &str = "insert";
/// What stands in [`VALUES`] while an index has no value.
pub const NOTHING_YET: &str = "Nothing yet!";
/// Redis channel: notices between our own servers and workers, as JSON.
pub const EVENTS: &str = "events";
/// Sorted set, the pending list: index → the time from which it may be claimed, in ms.
pub const PENDING: &str = "{values}:pending";
/// Hash: index → who claimed it, with which token, at which attempt, how far.
pub const CLAIMS: &str = "{values}:claims";
/// Hash: index → why it was given up.
pub const FAILED: &str = "{values}:failed";
/// Sorted set: index with a whole result that the Record knows → when it was last used, in ms.
pub const RESULTS: &str = "{values}:results";
/// Hash: index → size of its whole result in bytes; the field `total` holds their sum.
pub const SIZES: &str = "{values}:sizes";

/// Where the site listener nests the API. The api listener serves it at the root.
pub const API_PREFIX: &str = "/api";
/// The event stream, below [`API_PREFIX`] on the site.
pub const EVENTS_ROUTE: &str = "/values/events";
/// The entries, below [`API_PREFIX`] on the site.
pub const VALUES_ROUTE: &str = "/values";
/// How many entries the page shows, and how many `GET /values` gives unless told otherwise.
pub const PAGE_SIZE: u32 = 20;
/// The most entries that `GET /values` gives at once.
pub const MAX_PAGE_SIZE: u32 = 100;
