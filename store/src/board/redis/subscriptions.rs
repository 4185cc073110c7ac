//! The open subscriptions of this process, and a check that they deliver messages.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hasher, RandomState},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::Channel;

/// The open subscriptions of a Board. Each one also receives the messages that checks publish; if such a
/// message does not arrive, the connection is dead even if commands work, for instance after a failover.
pub(super) struct Subscriptions {
    /// Distinguishes the checks of this Board from others'.
    id: u64,
    open: Mutex<HashMap<u64, Open>>,
}

struct Open {
    channels: Vec<Channel>,
    /// Number of the last check whose message arrived; `None` if Redis refuses the channel of checks.
    echoed: Option<watch::Receiver<u64>>,
    end: CancellationToken,
}

/// An open subscription, removed when this is dropped.
pub(super) struct Registration {
    subscriptions: Arc<Subscriptions>,
    number: u64,
    echoed: watch::Sender<u64>,
    /// Cancelled to end the subscription.
    pub(super) end: CancellationToken,
}

impl Subscriptions {
    pub(super) fn new() -> Arc<Self> {
        // The standard library seeds each state from the operating system's random numbers.
        Arc::new(Self { id: RandomState::new().build_hasher().finish(), open: Mutex::default() })
    }

    pub(super) fn register(self: &Arc<Self>, channels: &[Channel], has_echo: bool) -> Registration {
        static SUBSCRIPTIONS: AtomicU64 = AtomicU64::new(1);
        let number = SUBSCRIPTIONS.fetch_add(1, Ordering::Relaxed);
        let (echoed, receiver) = watch::channel(0);
        let end = CancellationToken::new();
        let open =
            Open { channels: channels.to_vec(), echoed: has_echo.then_some(receiver), end: end.clone() };
        self.lock().insert(number, open);
        Registration { subscriptions: Arc::clone(self), number, echoed, end }
    }

    /// The message that a check publishes.
    pub(super) fn echo(&self, check: u64) -> String {
        format!("{:016x}/{check}", self.id)
    }

    /// True if these channels are all subscribed to.
    pub(super) fn cover(&self, channels: &[Channel]) -> bool {
        let open = self.lock();
        channels.iter().all(|channel| open.values().any(|open| open.channels.contains(channel)))
    }

    /// Waits until the message of a check has arrived on every subscription; ends those on which it has
    /// not, so that they are opened again, and returns false.
    pub(super) async fn all_deliver(&self, check: u64, deadline: Duration) -> bool {
        let waiting: Vec<_> = (self.lock().values())
            .filter_map(|open| Some((open.echoed.clone()?, open.end.clone())))
            .collect();
        let arrivals = waiting.into_iter().map(|(mut echoed, end)| async move {
            let arrived = timeout(deadline, echoed.wait_for(|last| *last >= check)).await;
            match arrived {
                // An error means that the subscription has just ended.
                Ok(_) => true,
                Err(_) => {
                    end.cancel();
                    false
                }
            }
        });
        futures::future::join_all(arrivals).await.into_iter().all(|arrived| arrived)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Open>> {
        // Locked for a single step, never across an await.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registration {
    /// Handles a message on the channel of checks.
    pub(super) fn handle_echo(&self, message: &[u8]) {
        let check = std::str::from_utf8(message).ok().and_then(|message| message.split_once('/'));
        if let Some((id, check)) = check
            && id == format!("{:016x}", self.subscriptions.id)
            && let Ok(check) = check.parse()
        {
            let _ = self.echoed.send(check);
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.subscriptions.lock().remove(&self.number);
    }
}
