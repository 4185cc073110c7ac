//! The event feed of this server's watchers.

use std::time::Duration;

use bytes::Bytes;
use protocol::{Event, names::HEARTBEAT};
use tokio::{
    sync::broadcast,
    time::{Instant, MissedTickBehavior, interval_at},
};

/// Number of items by which a watcher may fall behind before it misses some.
const CAPACITY: usize = 1_024;
/// Longest pause between two items. A heartbeat keeps proxies from closing an idle connection, and lets clients notice
/// a dead one.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(5);
/// Delay before a browser reconnects.
const RECONNECT_AFTER: Duration = Duration::from_secs(1);

/// An item of the feed.
#[derive(Clone, Debug)]
pub enum FeedItem {
    /// A server-sent event: an entry that changed, or a heartbeat. It was serialised once, and all watchers share it.
    Event(Bytes),
    /// Events may have been lost. The watcher must end its stream, so that the client reconnects and
    /// fetches the current state.
    Resync,
}

/// The event feed of this server's watchers: clients with an open event stream.
pub struct Feed(broadcast::Sender<FeedItem>);

impl Feed {
    pub(crate) fn new() -> Self {
        Self(broadcast::Sender::new(CAPACITY))
    }

    /// Adds a watcher, and returns what its stream begins with: a heartbeat, so that the client knows that it is
    /// connected and when to expect the next event. If the watcher falls behind by more than the capacity, the receiver
    /// returns an error, which must be treated like [`FeedItem::Resync`].
    #[must_use]
    pub fn subscribe(&self) -> (Bytes, broadcast::Receiver<FeedItem>) {
        let retry = format!("retry: {}\n", RECONNECT_AFTER.as_millis());
        ((retry + &heartbeat("listening")).into(), self.0.subscribe())
    }

    /// Number of watchers.
    #[must_use]
    pub fn watchers(&self) -> usize {
        self.0.receiver_count()
    }

    pub(crate) fn send(&self, event: &Event) {
        match serde_json::to_string(&event.entry) {
            Ok(json) => {
                let (kind, id) = (event.kind.as_str(), u64::from(event.entry.revision));
                self.send_item(FeedItem::Event(format!("event: {kind}\nid: {id}\ndata: {json}\n\n").into()));
            }
            Err(error) => tracing::error!(%error, "failed to serialise an entry"),
        }
    }

    pub(crate) fn resync(&self) {
        self.send_item(FeedItem::Resync);
    }

    /// Sends heartbeats until dropped.
    pub(crate) async fn send_heartbeats(&self) {
        let text = Bytes::from(heartbeat("still here"));
        let mut beats = interval_at(Instant::now() + HEARTBEAT_EVERY, HEARTBEAT_EVERY);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            beats.tick().await;
            self.send_item(FeedItem::Event(text.clone()));
        }
    }

    fn send_item(&self, item: FeedItem) {
        // Sending fails only if there are no watchers.
        let _ = self.0.send(item);
    }
}

/// Returns a heartbeat with a comment, for people who watch the stream and for clients that do not know heartbeats.
fn heartbeat(comment: &str) -> String {
    format!(": {comment}\nevent: {HEARTBEAT}\ndata: {}\n\n", HEARTBEAT_EVERY.as_millis())
}
