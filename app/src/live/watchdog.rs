//! A watch for silence: something expected that does not happen in time.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::{TimeoutHandle, set_timeout_with_handle};

/// Calls a function when nothing has been heard for too long.
///
/// It compares times of day, because timers stand still while the computer sleeps, and browsers delay them
/// in hidden tabs; [`Watchdog::check`] catches up.
pub(super) struct Watchdog(Rc<Inner>);

struct Inner {
    on_silence: fn(),
    /// `None` while nothing is expected.
    limit: Cell<Option<Duration>>,
    /// Time of the last sign of life, in ms since 1970.
    heard_ms: Cell<f64>,
    timer: Cell<Option<TimeoutHandle>>,
}

impl Watchdog {
    /// Creates a watch that expects nothing yet.
    pub(super) fn new(on_silence: fn()) -> Self {
        Self(Rc::new(Inner {
            on_silence,
            limit: Cell::default(),
            heard_ms: Cell::default(),
            timer: Cell::default(),
        }))
    }

    /// Calls the function after this time, and again each time it has passed, unless something is heard.
    pub(super) fn expect_within(&self, limit: Duration) {
        self.0.limit.set(Some(limit));
        self.heard();
        self.0.schedule(limit);
    }

    /// Starts the time again.
    pub(super) fn heard(&self) {
        self.0.heard_ms.set(js_sys::Date::now());
    }

    /// Expects nothing any more.
    pub(super) fn rest(&self) {
        self.0.limit.set(None);
        self.0.cancel();
    }

    /// Calls the function if the time has passed.
    pub(super) fn check(&self) {
        self.0.check();
    }
}

impl Inner {
    fn check(self: &Rc<Self>) {
        let Some(limit) = self.limit.get() else { return };
        let now_ms = js_sys::Date::now();
        let silent = Duration::try_from_secs_f64((now_ms - self.heard_ms.get()) / 1_000.0);
        match silent.map(|silent| limit.checked_sub(silent)) {
            Ok(Some(left)) if !left.is_zero() => self.schedule(left),
            // Also if the clock was set back.
            _ => {
                self.heard_ms.set(now_ms);
                self.schedule(limit);
                (self.on_silence)();
            }
        }
    }

    fn schedule(self: &Rc<Self>, delay: Duration) {
        self.cancel();
        let inner = Rc::downgrade(self);
        let check = move || {
            if let Some(inner) = inner.upgrade() {
                inner.check();
            }
        };
        self.timer.set(set_timeout_with_handle(check, delay).ok());
    }

    fn cancel(&self) {
        if let Some(timer) = self.timer.take() {
            timer.clear();
        }
    }
}
