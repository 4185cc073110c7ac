//! The event stream that all tabs share: one tab leads and opens it, the others follow.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use leptos::{prelude::*, task::spawn_local};
use protocol::Entry;
use wasm_bindgen::{JsCast, prelude::Closure};

use super::{
    batches::Batches,
    event_stream::{EventStream, StreamEvent},
    leader_lock::{self, Claim, End, HeldLock},
    subscription::Subscription,
    tab_channel::{TabChannel, TabMessage},
    watchdog::Watchdog,
};

/// Name of the lock and of the channel.
const SHARED_NAME: &str = "fibstack-events";
/// Time limit for opening the stream.
const OPEN_WITHIN: Duration = Duration::from_secs(10);
/// Time limit for the leader's answer to a follower.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Extra time that a follower waits, so that the leader notices silence first and informs its followers.
const FOLLOWER_GRACE: Duration = Duration::from_secs(3);

/// The state of the connection to the server.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Connection {
    /// The stream has not been opened yet.
    #[default]
    Opening,
    /// Events arrive as they happen.
    Live,
    /// The stream was interrupted or has gone silent, and is being opened again.
    Reconnecting,
}

/// This tab's share of the stream.
struct SharedStream {
    connection: ArcRwSignal<Connection>,
    subscriptions: RefCell<Vec<Rc<Subscription>>>,
    /// `None` while the page is suspended.
    channel: RefCell<Option<TabChannel>>,
    /// `Some` only in the leader.
    stream: RefCell<Option<EventStream>>,
    /// `Some` only in the leader.
    lock: RefCell<Option<HeldLock>>,
    /// Number of times that this tab has requested the lock or left the stream. If a lock is granted to an
    /// earlier request, it is released at once.
    generation: Cell<u32>,
    started: Cell<bool>,
    batches: Rc<Batches>,
    /// Notices silence: of the server, in the leader; of the leader, in a follower.
    watchdog: Watchdog,
    /// Interval of the server's heartbeats, once it is known.
    heartbeat: Cell<Option<Duration>>,
    /// True while this tab waits for the leader's answer to [`TabMessage::Hello`].
    asked: Cell<bool>,
}

thread_local! {
    static SHARED_STREAM: Rc<SharedStream> = Rc::new(SharedStream::new());
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

/// Passes entries to all subscriptions of this page, for instance the response to a submission.
pub fn publish(entries: &[Entry]) {
    let subscriptions = shared_stream().subscriptions.borrow().clone();
    for subscription in subscriptions {
        subscription.notify(entries);
    }
}

impl SharedStream {
    fn new() -> Self {
        Self {
            connection: ArcRwSignal::default(),
            subscriptions: RefCell::default(),
            channel: RefCell::default(),
            stream: RefCell::default(),
            lock: RefCell::default(),
            generation: Cell::default(),
            started: Cell::default(),
            batches: Batches::new(publish),
            watchdog: Watchdog::new(|| shared_stream().on_silence()),
            heartbeat: Cell::default(),
            asked: Cell::default(),
        }
    }

    /// Starts listening and fetches what was missed.
    fn join(self: &Rc<Self>) {
        *self.channel.borrow_mut() = TabChannel::open(SHARED_NAME, {
            let shared = Rc::clone(self);
            // The leader ignores what other tabs report about the stream. After a suspension, or without locks, several
            // tabs may consider themselves the leader.
            move |message| {
                if message == TabMessage::Hello || !shared.leads() {
                    shared.receive(message);
                }
            }
        });
        self.refresh();
        self.follow();
    }

    /// Asks the leader for the state of the stream, and queues for the lock.
    fn follow(self: &Rc<Self>) {
        self.ask();
        self.claim(Claim::Queue);
    }

    /// Asks the leader whether the stream is open.
    fn ask(&self) {
        self.asked.set(true);
        self.broadcast(&TabMessage::Hello);
        self.watchdog.expect_within(ANSWER_WITHIN);
    }

    /// Requests the lock. The tab that gets it becomes the leader.
    fn claim(self: &Rc<Self>, claim: Claim) {
        let generation = self.next_generation();
        let shared = Rc::clone(self);
        spawn_local(async move {
            let lead = {
                let shared = Rc::clone(&shared);
                move || shared.lead(generation)
            };
            let has_channel = shared.channel.borrow().is_some();
            let end = if has_channel {
                leader_lock::acquire(SHARED_NAME, claim, lead).await
            } else {
                End::Unavailable
            };
            if shared.generation.get() != generation {
                return;
            }
            match end {
                End::Released => {}
                End::Stolen => {
                    shared.stream.take();
                    shared.lock.take();
                    shared.follow();
                }
                End::Unavailable => shared.open_stream(),
            }
        });
    }

    fn next_generation(&self) -> u32 {
        self.generation.set(self.generation.get() + 1);
        self.generation.get()
    }

    /// Becomes the leader, unless this request for the lock is out of date.
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
            shared.tell_all(match event {
                StreamEvent::Opened => TabMessage::Opened,
                StreamEvent::Interrupted => TabMessage::Interrupted,
                StreamEvent::Beat(interval) => TabMessage::Beat(interval),
                StreamEvent::Entry(json) => TabMessage::Entry(json),
            });
        }));
        self.expect_within(OPEN_WITHIN);
    }

    /// Releases everything, so that another tab can lead and the browser can suspend the page.
    fn leave(&self) {
        self.next_generation();
        self.watchdog.rest();
        self.set(Connection::Opening);
        self.stream.take();
        self.channel.take();
        if let Some(lock) = self.lock.take() {
            lock.release();
        }
    }

    fn leads(&self) -> bool {
        self.stream.borrow().is_some()
    }

    /// Sends a message to all tabs, this one included.
    fn tell_all(&self, message: TabMessage) {
        self.broadcast(&message);
        self.receive(message);
    }

    fn broadcast(&self, message: &TabMessage) {
        if let Some(channel) = &*self.channel.borrow() {
            channel.broadcast(message);
        }
    }

    fn receive(&self, message: TabMessage) {
        if message == TabMessage::Hello {
            if self.leads() {
                self.answer();
            }
            return;
        }
        self.asked.set(false);
        match message {
            TabMessage::Hello => {}
            // A beat follows, unless the leader runs an earlier version of the page, which sends none.
            TabMessage::Live => {
                self.watchdog.rest();
                self.mark_live(false);
            }
            TabMessage::Opening => self.expect_within(OPEN_WITHIN),
            // A heartbeat follows, unless the server is of an earlier version, which sends none.
            TabMessage::Opened => {
                self.watchdog.rest();
                self.mark_live(true);
            }
            TabMessage::Interrupted => {
                self.set(Connection::Reconnecting);
                self.expect_within(OPEN_WITHIN);
            }
            TabMessage::Beat(interval) => {
                self.heartbeat.set(Some(interval));
                // By then the second beat is late, so two have been missed.
                self.expect_within(interval * 5 / 2);
                self.mark_live(false);
            }
            TabMessage::Entry(json) => {
                self.watchdog.heard();
                self.mark_live(false);
                // An entry that this page cannot read, perhaps from a newer server, is skipped.
                if let Ok(entry) = serde_json::from_str(&json) {
                    self.batches.add(entry);
                }
            }
        }
    }

    /// Sends the state of the stream to a tab that has asked for it.
    fn answer(&self) {
        match self.connection.get_untracked() {
            Connection::Opening => self.broadcast(&TabMessage::Opening),
            Connection::Reconnecting => self.broadcast(&TabMessage::Interrupted),
            Connection::Live => {
                self.broadcast(&TabMessage::Live);
                if let Some(interval) = self.heartbeat.get() {
                    self.broadcast(&TabMessage::Beat(interval));
                }
            }
        }
    }

    fn expect_within(&self, limit: Duration) {
        self.watchdog.expect_within(if self.leads() { limit } else { limit + FOLLOWER_GRACE });
    }

    /// Responds to silence. The leader opens another connection. A follower asks the leader, and takes over if there is
    /// no answer.
    fn on_silence(self: &Rc<Self>) {
        if self.leads() {
            self.reopen(|stream| !stream.is_waiting());
            return;
        }
        self.set(Connection::Reconnecting);
        if self.asked.get() {
            self.claim(Claim::Steal);
            self.expect_within(OPEN_WITHIN);
        } else {
            self.ask();
        }
    }

    /// Opens another connection if this tab leads and the stream meets the condition. In any case, the tabs show
    /// that they are reconnecting until the stream is open.
    fn reopen(&self, condition: impl FnOnce(&EventStream) -> bool) {
        if let Some(stream) = &*self.stream.borrow()
            && condition(stream)
        {
            stream.reopen();
        }
        self.tell_all(TabMessage::Interrupted);
    }

    /// Shows that events arrive. Fetches the entries again if events may have been missed.
    fn mark_live(&self, missed: bool) {
        let missed = missed || self.connection.get_untracked() == Connection::Reconnecting;
        self.set(Connection::Live);
        if missed {
            self.refresh();
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

    /// Leaves when the visitor leaves the page, joins again if the browser restores it from its back/forward
    /// cache, and checks the connection when the page is shown again or the network is back.
    fn follow_page_lifecycle(self: &Rc<Self>) {
        let Some(window) = web_sys::window() else { return };
        let Some(document) = window.document() else { return };
        let shared = Rc::clone(self);
        listen(&window, "pagehide", move |_| shared.leave());
        let shared = Rc::clone(self);
        listen(&window, "pageshow", move |event| {
            if event.unchecked_into::<web_sys::PageTransitionEvent>().persisted() {
                shared.join();
            }
        });
        let shared = Rc::clone(self);
        // A change of network breaks the connection without an error.
        listen(&window, "online", move |_| {
            if shared.leads() {
                shared.reopen(|_| true);
            }
        });
        for event in ["visibilitychange", "resume"] {
            let shared = Rc::clone(self);
            listen(&document, event, move |_| {
                shared.batches.on_visibility_change();
                shared.watchdog.check();
            });
        }
    }
}

/// Listens for an event until the page is closed.
fn listen(target: &web_sys::EventTarget, event: &str, handler: impl Fn(web_sys::Event) + 'static) {
    let handler = Closure::<dyn FnMut(web_sys::Event)>::new(handler);
    // Adding a listener to the window or the document cannot fail.
    let _ = target.add_event_listener_with_callback(event, handler.as_ref().unchecked_ref());
    handler.forget();
}
