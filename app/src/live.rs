//! News while the page is open.
//!
//! A browser allows six HTTP/1.1 connections to a host, so all tabs share one event stream. The
//! tabs agree by a Web Lock on who holds it (`lock`); the holder passes everything on to the others
//! (`tabs`). Where there are no Web Locks (an insecure origin) each tab opens its own.
//!
//! News can be missed: between rendering and listening, while the stream is down, while the page
//! sleeps. So on every opening of the stream, and whenever a tab starts to listen, each tab also
//! fetches what it shows afresh and merges it by revision.

mod lock;
mod stream;
mod tabs;
mod watcher;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use leptos::{prelude::*, task::spawn_local};
use protocol::Entry;
use wasm_bindgen::{JsCast, prelude::Closure};

pub use self::watcher::{Fresh, Watcher};
use self::{
    stream::Stream,
    tabs::{Tabs, Word},
};

/// The name of the lock and of the channel.
const SHARED: &str = "fibstack-events";

/// How the page hears of news.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Connection {
    /// Not yet.
    #[default]
    Opening,
    /// News arrives as it happens.
    Live,
    /// The stream broke and is being opened again.
    Reconnecting,
}

#[derive(Default)]
struct Page {
    connection: ArcRwSignal<Connection>,
    watchers: RefCell<Vec<Rc<Watcher>>>,
    /// Absent while the page sleeps.
    tabs: RefCell<Option<Tabs>>,
    /// Present in the tab that holds the stream.
    stream: RefCell<Option<Stream>>,
    hold: RefCell<Option<lock::Hold>>,
    /// Counts the times the page began to listen, so that a lock asked for earlier is let go.
    time: Cell<u32>,
    started: Cell<bool>,
}

thread_local! {
    static PAGE: Rc<Page> = Rc::default();
}

fn page() -> Rc<Page> {
    PAGE.with(Rc::clone)
}

/// How the page hears of news just now.
#[must_use]
pub fn connection() -> ArcRwSignal<Connection> {
    page().connection.clone()
}

/// Listens for as long as the page is open; the first call starts it all.
pub fn watch(watcher: Watcher) {
    let page = page();
    let watcher = Rc::new(watcher);
    page.watchers.borrow_mut().push(Rc::clone(&watcher));
    if page.started.replace(true) {
        watcher.refresh();
    } else {
        page.join();
        page.follow_lifecycle();
    }
}

/// Tells everything on this page of an entry, for instance the answer to a submission.
pub fn tell(entry: &Entry) {
    let watchers = page().watchers.borrow().clone();
    for watcher in watchers {
        watcher.tell(entry);
    }
}

impl Page {
    /// Begins to listen, and catches up with what was missed.
    fn join(self: &Rc<Self>) {
        let time = self.time.get() + 1;
        self.time.set(time);
        let tabs = Tabs::open(SHARED, {
            let page = Rc::clone(self);
            move |word| page.hear(word)
        });
        let shared = tabs.is_some();
        *self.tabs.borrow_mut() = tabs;
        self.say(&Word::Hello);
        self.refresh();
        let page = Rc::clone(self);
        spawn_local(async move {
            let granted = {
                let page = Rc::clone(&page);
                move || page.take_over(time)
            };
            if !(shared && lock::wait(SHARED, granted).await) && page.time.get() == time {
                page.open_stream();
            }
        });
    }

    /// This tab was chosen to hold the stream, unless the page went to sleep meanwhile.
    fn take_over(self: &Rc<Self>, time: u32) -> Option<js_sys::Promise> {
        if self.time.get() != time {
            return None;
        }
        self.open_stream();
        let (hold, promise) = lock::Hold::new();
        *self.hold.borrow_mut() = Some(hold);
        Some(promise)
    }

    fn open_stream(self: &Rc<Self>) {
        let page = Rc::clone(self);
        *self.stream.borrow_mut() = Some(Stream::open(move |word| {
            page.say(&word);
            page.hear(word);
        }));
    }

    /// Lets everything go, so that another tab can take over and the browser may keep the page.
    fn leave(&self) {
        self.time.set(self.time.get() + 1);
        self.stream.take();
        self.tabs.take();
        if let Some(hold) = self.hold.take() {
            hold.release();
        }
    }

    fn say(&self, word: &Word) {
        if let Some(tabs) = &*self.tabs.borrow() {
            tabs.say(word);
        }
    }

    fn hear(&self, word: Word) {
        match word {
            Word::Hello => {
                let live = self.stream.borrow().is_some() && self.is(Connection::Live);
                if live {
                    self.say(&Word::Live);
                }
            }
            Word::Live => self.set(Connection::Live),
            Word::Opened => {
                self.set(Connection::Live);
                self.refresh();
            }
            Word::Lost => self.set(Connection::Reconnecting),
            Word::News(json) => {
                self.set(Connection::Live);
                if let Ok(entry) = serde_json::from_str(&json) {
                    tell(&entry);
                }
            }
        }
    }

    fn is(&self, connection: Connection) -> bool {
        self.connection.get_untracked() == connection
    }

    fn set(&self, connection: Connection) {
        if !self.is(connection) {
            self.connection.set(connection);
        }
    }

    fn refresh(&self) {
        let watchers = self.watchers.borrow().clone();
        for watcher in watchers {
            watcher.refresh();
        }
    }

    /// A page that is left may be kept asleep and shown again as it was (the back/forward cache).
    fn follow_lifecycle(self: &Rc<Self>) {
        let Some(window) = web_sys::window() else { return };
        let page = Rc::clone(self);
        let hide = Closure::<dyn FnMut()>::new(move || page.leave());
        let page = Rc::clone(self);
        let show = Closure::<dyn FnMut(web_sys::PageTransitionEvent)>::new(
            move |event: web_sys::PageTransitionEvent| {
                if event.persisted() {
                    page.join();
                }
            },
        );
        // Adding a listener to the window cannot fail.
        let _ = window.add_event_listener_with_callback("pagehide", hide.as_ref().unchecked_ref());
        let _ = window.add_event_listener_with_callback("pageshow", show.as_ref().unchecked_ref());
        // They listen until the page is gone.
        hide.forget();
        show.forget();
    }
}
