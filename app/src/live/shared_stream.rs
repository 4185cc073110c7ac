//! The event stream that all tabs share: one tab leads and opens it, the others follow.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use leptos::{prelude::*, task::spawn_local};
use protocol::Entry;
use wasm_bindgen::{JsCast, prelude::Closure};

use super::{
    event_stream::{EventStream, StreamEvent},
    leader_lock::{self, HeldLock},
    subscription::Subscription,
    tab_channel::{TabChannel, TabMessage},
};

/// Name of the lock and of the channel.
const SHARED_NAME: &str = "fibstack-events";

/// The state of the connection to the server.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Connection {
    /// The stream has not been opened yet.
    #[default]
    Opening,
    /// Events arrive as they happen.
    Live,
    /// The stream was interrupted and is being opened again.
    Reconnecting,
}

/// This tab's share of the stream.
#[derive(Default)]
struct SharedStream {
    connection: ArcRwSignal<Connection>,
    subscriptions: RefCell<Vec<Rc<Subscription>>>,
    /// `None` while the page is suspended.
    channel: RefCell<Option<TabChannel>>,
    /// `Some` only in the leader.
    stream: RefCell<Option<EventStream>>,
    /// `Some` only in the leader.
    lock: RefCell<Option<HeldLock>>,
    /// Number of times that this tab has joined or left; a lock requested before that is released at once.
    generation: Cell<u32>,
    started: Cell<bool>,
}

thread_local! {
    static SHARED_STREAM: Rc<SharedStream> = Rc::default();
}

fn shared_stream() -> Rc<SharedStream> {
    SHARED_STREAM.with(Rc::clone)
}

/// Returns the state of the connection.
#[must_use]
pub fn connection() -> ArcRwSignal<Connection> {
    shared_stream().connection.clone()
}

/// Adds a subscription for as long as the page is open. The first one makes the tab join the stream.
pub fn subscribe(subscription: Subscription) {
    let shared = shared_stream();
    let subscription = Rc::new(subscription);
    shared.subscriptions.borrow_mut().push(Rc::clone(&subscription));
    if shared.started.replace(true) {
        subscription.refresh();
    } else {
        shared.join();
        shared.follow_page_lifecycle();
    }
}

/// Passes an entry to all subscriptions of this page, for instance the response to a submission.
pub fn publish(entry: &Entry) {
    let subscriptions = shared_stream().subscriptions.borrow().clone();
    for subscription in subscriptions {
        subscription.notify(entry);
    }
}

impl SharedStream {
    /// Starts listening and fetches what was missed.
    fn join(self: &Rc<Self>) {
        let generation = self.generation.get() + 1;
        self.generation.set(generation);
        let channel = TabChannel::open(SHARED_NAME, {
            let shared = Rc::clone(self);
            move |message| shared.receive(message)
        });
        let has_channel = channel.is_some();
        *self.channel.borrow_mut() = channel;
        self.broadcast(&TabMessage::Hello);
        self.refresh();
        let shared = Rc::clone(self);
        spawn_local(async move {
            let lead = {
                let shared = Rc::clone(&shared);
                move || shared.lead(generation)
            };
            let shares = has_channel && leader_lock::acquire(SHARED_NAME, lead).await;
            if !shares && shared.generation.get() == generation {
                shared.open_stream();
            }
        });
    }

    /// Becomes the leader, unless the page was suspended meanwhile.
    fn lead(self: &Rc<Self>, generation: u32) -> Option<js_sys::Promise> {
        if self.generation.get() != generation {
            return None;
        }
        self.open_stream();
        let (lock, promise) = HeldLock::new();
        *self.lock.borrow_mut() = Some(lock);
        Some(promise)
    }

    fn open_stream(self: &Rc<Self>) {
        let shared = Rc::clone(self);
        *self.stream.borrow_mut() = Some(EventStream::open(move |event| {
            let message = match event {
                StreamEvent::Opened => TabMessage::Opened,
                StreamEvent::Interrupted => TabMessage::Interrupted,
                StreamEvent::Entry(json) => TabMessage::Entry(json),
            };
            shared.broadcast(&message);
            shared.receive(message);
        }));
    }

    /// Releases everything, so that another tab can lead and the browser can suspend the page.
    fn leave(&self) {
        self.generation.set(self.generation.get() + 1);
        self.stream.take();
        self.channel.take();
        if let Some(lock) = self.lock.take() {
            lock.release();
        }
    }

    fn broadcast(&self, message: &TabMessage) {
        if let Some(channel) = &*self.channel.borrow() {
            channel.broadcast(message);
        }
    }

    fn receive(&self, message: TabMessage) {
        match message {
            TabMessage::Hello => {
                if self.stream.borrow().is_some() && self.connection.get_untracked() == Connection::Live {
                    self.broadcast(&TabMessage::Live);
                }
            }
            TabMessage::Live => self.set(Connection::Live),
            TabMessage::Opened => {
                self.set(Connection::Live);
                self.refresh();
            }
            TabMessage::Interrupted => self.set(Connection::Reconnecting),
            TabMessage::Entry(json) => {
                self.set(Connection::Live);
                // An entry that this page cannot read, perhaps from a newer server, is skipped.
                if let Ok(entry) = serde_json::from_str(&json) {
                    publish(&entry);
                }
            }
        }
    }

    fn set(&self, connection: Connection) {
        if self.connection.get_untracked() != connection {
            self.connection.set(connection);
        }
    }

    fn refresh(&self) {
        let subscriptions = self.subscriptions.borrow().clone();
        for subscription in subscriptions {
            subscription.refresh();
        }
    }

    /// Leaves when the visitor leaves the page, and joins again if the browser restores it from its
    /// back/forward cache.
    fn follow_page_lifecycle(self: &Rc<Self>) {
        let Some(window) = web_sys::window() else { return };
        let shared = Rc::clone(self);
        let hide = Closure::<dyn FnMut()>::new(move || shared.leave());
        let shared = Rc::clone(self);
        let show = Closure::<dyn FnMut(web_sys::PageTransitionEvent)>::new(
            move |event: web_sys::PageTransitionEvent| {
                if event.persisted() {
                    shared.join();
                }
            },
        );
        // Adding a listener to the window cannot fail.
        let _ = window.add_event_listener_with_callback("pagehide", hide.as_ref().unchecked_ref());
        let _ = window.add_event_listener_with_callback("pageshow", show.as_ref().unchecked_ref());
        // They are needed until the page is closed.
        hide.forget();
        show.forget();
    }
}
