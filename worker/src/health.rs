//! Health of the worker.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::Worker;

/// Reason a worker is unhealthy.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unhealthy {
    /// It is not subscribed to submissions. It still polls every second and keeps trying to subscribe.
    #[error("not subscribed to `insert`")]
    NotSubscribed,
    /// The Board does not respond.
    #[error("the board is not responding: {0}")]
    BoardUnavailable(String),
    /// The Board responds, but a permission or resource is missing.
    #[error("the board refuses part of the work: {0}")]
    BoardRefuses(String),
}

/// State that health checks need.
#[derive(Debug)]
pub(crate) struct HealthState {
    subscribed: AtomicBool,
}

impl HealthState {
    pub(crate) const fn new() -> Self {
        Self { subscribed: AtomicBool::new(false) }
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
    /// Checks that the Board can do everything the worker needs, and that the worker is subscribed.
    ///
    /// # Errors
    /// Fails with the reason if the worker is unhealthy.
    pub async fn health(&self) -> Result<(), Unhealthy> {
        let board = self.board_monitor.health().await;
        if board.unreachable() {
            return Err(Unhealthy::BoardUnavailable(board.to_string()));
        }
        if !board.is_ok() {
            return Err(Unhealthy::BoardRefuses(board.to_string()));
        }
        if self.health.subscribed.load(Ordering::Relaxed) { Ok(()) } else { Err(Unhealthy::NotSubscribed) }
    }
}
