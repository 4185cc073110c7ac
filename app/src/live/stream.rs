//! The event stream, held open.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::{TimeoutHandle, set_timeout_with_handle};
use protocol::{
    EventKind,
    names::{API_PREFIX, EVENTS_ROUTE},
};
use wasm_bindgen::{JsCast, prelude::Closure};
use web_sys::{EventSource, MessageEvent};

use super::tabs::Word;

/// The event stream, held open until it is dropped.
///
/// The browser itself reconnects a stream that broke. One that the server refused (`503` at its
/// limit, or while it starts) is closed for good; that one is opened anew after a while.
pub(super) struct Stream(Rc<Line>);

struct Line {
    tell: Box<dyn Fn(Word)>,
    open: RefCell<Option<Source>>,
    retry: Cell<Option<TimeoutHandle>>,
    refused: Cell<u32>,
}

/// One `EventSource` with what listens to it.
struct Source {
    source: EventSource,
    _opened: Closure<dyn FnMut()>,
    _broke: Closure<dyn FnMut()>,
    _news: Closure<dyn FnMut(MessageEvent)>,
}

impl Stream {
    /// Opens it, and tells what it hears.
    pub(super) fn open(tell: impl Fn(Word) + 'static) -> Self {
        let line = Rc::new(Line {
            tell: Box::new(tell),
            open: RefCell::default(),
            retry: Cell::default(),
            refused: Cell::default(),
        });
        line.connect();
        Self(line)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(retry) = self.0.retry.take() {
            retry.clear();
        }
        self.0.open.take();
    }
}

impl Line {
    fn connect(self: &Rc<Self>) {
        // Not while it is replaced: dropping the old source frees its closures.
        let source = Source::open(self);
        if source.is_none() {
            self.connect_later();
        }
        *self.open.borrow_mut() = source;
    }

    fn opened(&self) {
        self.refused.set(0);
        (self.tell)(Word::Opened);
    }

    fn broke(self: &Rc<Self>, closed: bool) {
        (self.tell)(Word::Lost);
        if closed {
            self.connect_later();
        }
    }

    fn connect_later(self: &Rc<Self>) {
        let refused = self.refused.get();
        self.refused.set(refused + 1);
        let line = Rc::downgrade(self);
        let connect = move || {
            if let Some(line) = line.upgrade() {
                line.connect();
            }
        };
        self.retry.set(set_timeout_with_handle(connect, backoff(refused, js_sys::Math::random())).ok());
    }
}

impl Source {
    fn open(line: &Rc<Line>) -> Option<Self> {
        let source = EventSource::new(&format!("{API_PREFIX}{EVENTS_ROUTE}")).ok()?;
        // Weak, or the line would own itself through its closures.
        let weak = Rc::downgrade(line);
        let opened = Closure::<dyn FnMut()>::new(move || {
            if let Some(line) = weak.upgrade() {
                line.opened();
            }
        });
        let (weak, this) = (Rc::downgrade(line), source.clone());
        let broke = Closure::<dyn FnMut()>::new(move || {
            if let Some(line) = weak.upgrade() {
                line.broke(this.ready_state() == EventSource::CLOSED);
            }
        });
        let weak = Rc::downgrade(line);
        let news = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let (Some(line), Some(json)) = (weak.upgrade(), event.data().as_string()) {
                (line.tell)(Word::News(json));
            }
        });
        source.set_onopen(Some(opened.as_ref().unchecked_ref()));
        source.set_onerror(Some(broke.as_ref().unchecked_ref()));
        for kind in EventKind::ALL {
            source.add_event_listener_with_callback(kind.as_str(), news.as_ref().unchecked_ref()).ok()?;
        }
        Some(Self { source, _opened: opened, _broke: broke, _news: news })
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.source.set_onopen(None);
        self.source.set_onerror(None);
        self.source.close();
    }
}

/// How long to wait before the next try: 1 s doubled each time, at most 30 s, less up to half by
/// chance (`random` from 0.0 to 1.0), so that not all browsers come back at once.
pub(super) fn backoff(tries: u32, random: f64) -> Duration {
    const MOST: Duration = Duration::from_secs(30);
    Duration::from_secs(1 << tries.min(5)).min(MOST).mul_f64(1.0 - random.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_a_bound_and_varies() {
        let longest: Vec<_> = (0..8).map(|tries| backoff(tries, 0.0).as_secs()).collect();
        assert_eq!(longest, [1, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(backoff(1, 1.0), Duration::from_secs(1));
        assert_eq!(backoff(u32::MAX, 0.5).as_millis(), 22_500);
    }
}
