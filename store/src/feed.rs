//! The event feed of this server's watchers.

use std::sync::Arc;

use protocol::Event;
use tokio::sync::broadcast;

/// Number of items by which a watcher may fall behind before it misses some.
const CAPACITY: usize = 1_024;

/// An item of the feed.
#[derive(Clone, Debug)]
pub enum FeedItem {
    /// An entry changed.
    Event(Arc<Event>),
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

    /// Adds a watcher. If it falls behind by more than the capacity, the receiver returns an error,
    /// which must be treated like [`FeedItem::Resync`].
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<FeedItem> {
        self.0.subscribe()
    }

    /// Number of watchers.
    #[must_use]
    pub fn watchers(&self) -> usize {
        self.0.receiver_count()
    }

    pub(crate) fn send(&self, event: Event) {
        // Sending fails only if there are no watchers.
        let _ = self.0.send(FeedItem::Event(Arc::new(event)));
    }

    pub(crate) fn resync(&self) {
        let _ = self.0.send(FeedItem::Resync);
    }
}
