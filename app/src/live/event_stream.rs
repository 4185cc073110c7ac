//! The connection to the server's event stream.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::{TimeoutHandle, set_timeout_with_handle};
use protocol::{
    EventKind,
    names::{EVENTS_ROUTE, HEARTBEAT},
};
use wasm_bindgen::{JsCast, prelude::Closure};
use web_sys::{EventSource, MessageEvent};

/// Something that happens on the stream.
pub(super) enum StreamEvent {
    /// The stream was opened, for the first time or again; events may have been missed.
    Opened,
    /// The stream was interrupted.
    Interrupted,
    /// The server sent a heartbeat: it will send another event or heartbeat within this time.
    Beat(Duration),
    /// An entry changed: its JSON as received.
    Entry(String),
}

/// The event stream, kept open until this is dropped.
///
/// The browser reconnects an interrupted stream by itself, but does not retry one that the server refused
/// (with a `503`, at its limit or during startup). A refused stream is opened again here, after a delay. A
/// dead connection is noticed by the caller, which then calls [`EventStream::reopen`].
pub(super) struct EventStream(Rc<Inner>);

struct Inner {
    handler: Box<dyn Fn(StreamEvent)>,
    source: RefCell<Option<Source>>,
    retry: Cell<Option<TimeoutHandle>>,
    failures: Cell<u32>,
}

/// An `EventSource` with its listeners.
struct Source {
    source: EventSource,
    _on_open: Closure<dyn FnMut()>,
    _on_error: Closure<dyn FnMut()>,
    _on_beat: Closure<dyn FnMut(MessageEvent)>,
    _on_entry: Closure<dyn FnMut(MessageEvent)>,
}

impl EventStream {
    /// Opens the stream and calls `handler` for each [`StreamEvent`].
    pub(super) fn open(handler: impl Fn(StreamEvent) + 'static) -> Self {
        let inner = Rc::new(Inner {
            handler: Box::new(handler),
            source: RefCell::default(),
            retry: Cell::default(),
            failures: Cell::default(),
        });
        inner.connect();
        Self(inner)
    }

    /// Returns whether the stream is waiting for the next attempt to open it.
    pub(super) fn is_waiting(&self) -> bool {
        self.0.retry.get().is_some()
    }

    /// Closes the connection, which may be dead, and opens another one.
    pub(super) fn reopen(&self) {
        self.0.cancel_retry();
        self.0.connect();
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.0.cancel_retry();
        self.0.source.take();
    }
}

impl Inner {
    fn connect(self: &Rc<Self>) {
        // The new source is opened before the old one is dropped, which frees the old closures.
        let source = Source::open(self);
        if source.is_none() {
            self.connect_later();
        }
        *self.source.borrow_mut() = source;
    }

    fn cancel_retry(&self) {
        if let Some(retry) = self.retry.take() {
            retry.clear();
        }
    }

    fn on_open(&self) {
        self.failures.set(0);
        (self.handler)(StreamEvent::Opened);
    }

    fn on_error(self: &Rc<Self>, closed: bool) {
        (self.handler)(StreamEvent::Interrupted);
        if closed {
            self.connect_later();
        }
    }

    fn connect_later(self: &Rc<Self>) {
        let failures = self.failures.get();
        self.failures.set(failures + 1);
        let inner = Rc::downgrade(self);
        let connect = move || {
            if let Some(inner) = inner.upgrade() {
                inner.retry.take();
                inner.connect();
            }
        };
        self.retry.set(set_timeout_with_handle(connect, backoff(failures, js_sys::Math::random())).ok());
    }
}

impl Source {
    fn open(inner: &Rc<Inner>) -> Option<Self> {
        let source = EventSource::new(&crate::root::api_address(EVENTS_ROUTE)).ok()?;
        // A strong reference would make `Inner` own itself through its closures.
        let weak = Rc::downgrade(inner);
        let on_open = Closure::<dyn FnMut()>::new(move || {
            if let Some(inner) = weak.upgrade() {
                inner.on_open();
            }
        });
        let (weak, this) = (Rc::downgrade(inner), source.clone());
        let on_error = Closure::<dyn FnMut()>::new(move || {
            if let Some(inner) = weak.upgrade() {
                inner.on_error(this.ready_state() == EventSource::CLOSED);
            }
        });
        let weak = Rc::downgrade(inner);
        let on_beat = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            let interval_ms = event.data().as_string().and_then(|data| data.parse().ok());
            if let (Some(inner), Some(interval_ms)) = (weak.upgrade(), interval_ms) {
                (inner.handler)(StreamEvent::Beat(Duration::from_millis(interval_ms)));
            }
        });
        let weak = Rc::downgrade(inner);
        let on_entry = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let (Some(inner), Some(json)) = (weak.upgrade(), event.data().as_string()) {
                (inner.handler)(StreamEvent::Entry(json));
            }
        });
        source.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        source.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        source.add_event_listener_with_callback(HEARTBEAT, on_beat.as_ref().unchecked_ref()).ok()?;
        // Every other event carries the current entry. The browser drops kinds that are not listed here, such
        // as those of a newer server.
        for kind in EventKind::ALL {
            source.add_event_listener_with_callback(kind.as_str(), on_entry.as_ref().unchecked_ref()).ok()?;
        }
        Some(Self { source, _on_open: on_open, _on_error: on_error, _on_beat: on_beat, _on_entry: on_entry })
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.source.set_onopen(None);
        self.source.set_onerror(None);
        self.source.close();
    }
}

/// Returns the delay before the next attempt: 1 s, doubled after each failure up to 30 s, minus up to
/// half of it at random (`random` from 0.0 to 1.0), so that browsers do not all reconnect at once.
pub(super) fn backoff(failures: u32, random: f64) -> Duration {
    const MAX: Duration = Duration::from_secs(30);
    Duration::from_secs(1 << failures.min(5)).min(MAX).mul_f64(1.0 - random.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_up_to_a_maximum_and_varies() {
        let longest: Vec<_> = (0..8).map(|failures| backoff(failures, 0.0).as_secs()).collect();
        assert_eq!(longest, [1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(backoff(1, 1.0), Duration::from_secs(1));
        assert_eq!(backoff(u32::MAX, 0.5).as_millis(), 22_500);
    }
}
