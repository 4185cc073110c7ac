//! Names of keys, channels and routes that several programs share.
//!
//! [`VALUES`], [`INSERT`] and [`NOTHING_YET`] are the original system's and cannot change. Our own keys
//! carry the hash tag `{values}`, which puts them into the same slot as `values`, so that a script can use
//! all of them even on a Redis cluster.

/// Redis hash: index in decimal → its value, or [`NOTHING_YET`] while pending.
pub const VALUES: &str = "values";
/// Redis channel that wakes workers, foreign ones included; the message is the index in decimal.
pub const INSERT: &str = "insert";
/// The value in [`VALUES`] of an index that has none yet.
pub const NOTHING_YET: &str = "Nothing yet!";
/// Redis channel: notices between our servers and workers, as JSON.
pub const EVENTS: &str = "events";
/// Sorted set, the pending list: index → earliest time of its next claim, in ms.
pub const PENDING: &str = "{values}:pending";
/// Hash: index → its claim: worker, token, attempt and progress.
pub const CLAIMS: &str = "{values}:claims";
/// Hash: index → reason it failed.
pub const FAILED: &str = "{values}:failed";
/// Sorted set of the whole results that are in the Record: index → time of its last use, in ms.
pub const RESULTS: &str = "{values}:results";
/// Hash: index → size of its whole result in bytes; the field `total` holds their sum.
pub const SIZES: &str = "{values}:sizes";
/// Key and channel that only health checks use. The key exists only while a check runs.
pub const CHECK: &str = "{values}:check";

/// Path of the API on the site listener. The api listener serves it at the root.
pub const API_PREFIX: &str = "/api";
/// The event stream, below [`API_PREFIX`] on the site.
pub const EVENTS_ROUTE: &str = "/values/events";
/// Server-sent event that shows that the stream is alive. Its data is the longest pause between two events, in ms.
pub const HEARTBEAT: &str = "heartbeat";
/// The entries, below [`API_PREFIX`] on the site.
pub const VALUES_ROUTE: &str = "/values";
/// Number of entries on a page, and default number of entries that `GET /values` returns.
pub const PAGE_SIZE: u32 = 20;
/// Maximum number of entries that one `GET /values` returns.
pub const MAX_PAGE_SIZE: u32 = 100;
