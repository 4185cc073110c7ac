//! Live updates of the entries on an open page.
//!
//! A browser allows six HTTP/1.1 connections to a host, so all tabs share one event stream
//! (`shared_stream`). They elect a leader by a Web Lock (`leader_lock`); it opens the stream
//! (`event_stream`) and forwards each event to the other tabs, its followers (`tab_channel`). Without
//! Web Locks (on an insecure origin) each tab opens its own stream.
//!
//! A connection may be dead without anyone saying so, and the leader may be frozen by the browser. So the
//! server sends heartbeats, the leader forwards them, and every tab notices when they stop (`watchdog`): the
//! leader then opens another connection, and a follower whose leader does not answer takes the lead.
//!
//! Events can be missed between rendering and subscribing, while the stream is interrupted, and while
//! the page is suspended. So each part of the page (`subscription`) fetches its entries again when it
//! subscribes and whenever the stream opens, and merges them by revision.

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
