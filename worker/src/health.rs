//! Health of the worker.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, timeout};

use crate::Worker;

/// Maximum age of the Board's last reply. An idle worker calls the Board every second, a computing
/// one every few. After a longer silence, a health check calls it.
const MAX_REPLY_AGE: Duration = Duration::from_secs(5);
/// Time limit for the Board to respond to a health check.
const CHECK_DEADLINE: Duration = Duration::from_secs(2);

/// Reason a worker is unhealthy.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unhealthy {
    /// It is not subscribed to submissions. It still polls every second and keeps trying to subscribe.
    #[error("not subscribed to `insert`")]
    NotSubscribed,
    /// The Board does not respond.
    #[error("the board is not responding")]
    BoardUnavailable,
}

/// State that health checks need.
#[derive(Debug)]
pub(crate) struct HealthState {
    subscribed: AtomicBool,
    last_reply: Mutex<Option<Instant>>,
}

impl HealthState {
    pub(crate) const fn new() -> Self {
        Self { subscribed: AtomicBool::new(false), last_reply: Mutex::new(None) }
    }

    pub(crate) fn board_responded(&self) {
        *self.last_reply.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn board_responded_recently(&self) -> bool {
        let answered = *self.last_reply.lock().unwrap_or_else(PoisonError::into_inner);
        answered.is_some_and(|answered| answered.elapsed() < MAX_REPLY_AGE)
    }

    /// Marks the worker as subscribed until the returned guard is dropped.
    pub(crate) fn subscribed(&self) -> impl Drop + '_ {
        struct Subscribed<'a>(&'a AtomicBool);
        impl Drop for Subscribed<'_> {
            fn drop(&mut self) {
                self.0.store(false, Ordering::Relaxed);
            }
        }
        self.subscribed.store(true, Ordering::Relaxed);
        Subscribed(&self.subscribed)
    }
}

impl Worker {
    /// Checks that the worker is subscribed and that the Board responded recently or responds now.
    ///
    /// # Errors
    /// Fails with the reason if the worker is unhealthy.
    pub async fn health(&self) -> Result<(), Unhealthy> {
        if !self.health.board_responded_recently() {
            match timeout(CHECK_DEADLINE, self.board.check()).await {
                Ok(Ok(())) => self.health.board_responded(),
                _ => return Err(Unhealthy::BoardUnavailable),
            }
        }
        if self.health.subscribed.load(Ordering::Relaxed) { Ok(()) } else { Err(Unhealthy::NotSubscribed) }
    }
}
