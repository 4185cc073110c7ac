//! Live updates of the entries on an open page.
//!
//! A browser allows only six HTTP/1.1 connections to a host, so all tabs share one event stream
//! (`shared_stream`). The tab that holds a Web Lock is the leader (`leader_lock`). It opens the stream
//! (`event_stream`) and forwards each event to the other tabs, its followers (`tab_channel`). Where Web
//! Locks are missing (on an insecure origin), each tab opens its own stream.
//!
//! A connection can die without an error, and the browser can freeze the leader. So the server sends
//! heartbeats, the leader forwards them, and every tab notices when they stop (`watchdog`). The leader then
//! opens another connection; a follower asks the leader, and becomes the leader itself if there is no answer.
//!
//! Events are passed on in batches (`batches`), so that many of them in a short time do not block the page.
//!
//! Events can be missed between rendering and subscribing, while the stream is interrupted, and while
//! the page is suspended. So each part of the page (`subscription`) fetches its entries again when it
//! subscribes and whenever the stream opens, and merges them by revision.

mod batches;
mod event_stream;
mod leader_lock;
mod shared_stream;
mod subscription;
mod tab_channel;
mod watchdog;

pub use self::{
    shared_stream::{Connection, connection, publish, subscribe},
    subscription::{EntryUpdate, Fetch, Subscription},
};
