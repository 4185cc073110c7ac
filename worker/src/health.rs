//! Is the worker well?

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, timeout};

use crate::Worker;

/// So old the Board's last answer may be. An idle worker asks it every second, one that computes every
/// few; after a longer silence it is asked for this.
const RECENT: Duration = Duration::from_secs(5);
/// How long the Board may take to answer then.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Why a worker is not well.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unwell {
    /// It hears of no submissions. It still looks for them every second, and goes on trying to subscribe.
    #[error("not subscribed to `insert`")]
    Deaf,
    /// The Board does not answer.
    #[error("the board does not answer")]
    Silence,
}

/// What the worker notes for those who ask how it is.
#[derive(Debug)]
pub(crate) struct Signs {
    subscribed: AtomicBool,
    answered: Mutex<Option<Instant>>,
}

impl Signs {
    pub(crate) const fn new() -> Self {
        Self { subscribed: AtomicBool::new(false), answered: Mutex::new(None) }
    }

    pub(crate) fn board_answered(&self) {
        *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn board_answered_recently(&self) -> bool {
        let answered = *self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        answered.is_some_and(|answered| answered.elapsed() < RECENT)
    }

    /// Subscribed, for as long as this is held.
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
    /// A worker is well when it is subscribed and the Board answered lately, or does now.
    ///
    /// # Errors
    /// Says what is missing.
    pub async fn health(&self) -> Result<(), Unwell> {
        if !self.signs.board_answered_recently() {
            match timeout(ANSWER_WITHIN, self.board.check()).await {
                Ok(Ok(())) => self.signs.board_answered(),
                _ => return Err(Unwell::Silence),
            }
        }
        if self.signs.subscribed.load(Ordering::Relaxed) { Ok(()) } else { Err(Unwell::Deaf) }
    }
}
