//! A watchdog that notices when something expected does not happen in time.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::{TimeoutHandle, set_timeout_with_handle};

/// Calls a function when nothing has been heard for too long.
///
/// It relies on the wall clock, not only on timers, because timers stop while the computer sleeps and are delayed
/// in hidden tabs. After that, [`Watchdog::check`] catches up.
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
    /// Creates a watchdog that expects nothing yet.
    pub(super) fn new(on_silence: fn()) -> Self {
        Self(Rc::new(Inner {
            on_silence,
            limit: Cell::default(),
            heard_ms: Cell::default(),
            timer: Cell::default(),
        }))
    }

    /// Sets the limit and starts the wait. The function is called whenever nothing has been heard for this long.
    pub(super) fn expect_within(&self, limit: Duration) {
        self.0.limit.set(Some(limit));
        self.heard();
        self.0.schedule(limit);
    }

    /// Restarts the wait.
    pub(super) fn heard(&self) {
        self.0.heard_ms.set(js_sys::Date::now());
    }

    /// Stops expecting anything.
    pub(super) fn rest(&self) {
        self.0.limit.set(None);
        self.0.cancel();
    }

    /// Calls the function now if the limit has been exceeded.
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
            // The limit has been exceeded, or the clock was set back.
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
