//! News for everybody who watches this server.

use std::sync::Arc;

use protocol::Event;
use tokio::sync::broadcast;

/// How many messages a watcher may fall behind before it has to start over.
const CAPACITY: usize = 1_024;

/// What a watcher gets.
#[derive(Clone, Debug)]
pub enum News {
    /// Something happened.
    Event(Arc<Event>),
    /// News may have been lost: end the stream, so that the watcher comes back and looks at the state.
    StartOver,
}

/// News for everybody who watches this server.
pub struct Feed(broadcast::Sender<News>);

impl Feed {
    pub(crate) fn new() -> Self {
        Self(broadcast::Sender::new(CAPACITY))
    }

    /// Watches from now on. Who falls behind by more than the capacity gets an error from the
    /// receiver, to be treated like [`News::StartOver`].
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<News> {
        self.0.subscribe()
    }

    /// How many watch.
    #[must_use]
    pub fn watchers(&self) -> usize {
        self.0.receiver_count()
    }

    pub(crate) fn send(&self, event: Event) {
        // Nobody watching is no error.
        let _ = self.0.send(News::Event(Arc::new(event)));
    }

    pub(crate) fn start_over(&self) {
        let _ = self.0.send(News::StartOver);
    }
}
