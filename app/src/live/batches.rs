//! Events in batches, so that many events in a short time do not block the page.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    time::Duration,
};

use leptos::prelude::{document, request_animation_frame, set_timeout};
use protocol::Entry;

/// Number of entries per animation frame that are passed on at once: the events of one submission.
const AT_ONCE: u32 = 3;
/// Maximum number of entries in a batch. Each may add a row to both lists, which takes milliseconds.
const MAX_ENTRIES: usize = 6;
/// Number of waiting entries from which on they are no longer spread over frames: the lists show fewer.
const MAX_WAITING: usize = 1_000;
/// Pause between two batches in a hidden tab, which has no animation frames.
const HIDDEN_PAUSE: Duration = Duration::from_secs(1);

/// Entries that wait for the next batch, oldest first. A later state of an entry replaces an earlier one.
#[derive(Default)]
struct Waiting(VecDeque<Entry>);

impl Waiting {
    fn add(&mut self, entry: Entry) {
        match self.0.iter_mut().find(|waiting| waiting.index == entry.index) {
            Some(waiting) => drop(waiting.merge(&entry)),
            None => self.0.push_back(entry),
        }
    }

    fn take(&mut self, maximum: usize) -> Vec<Entry> {
        let taken = if self.0.len() > MAX_WAITING { self.0.len() } else { maximum.min(self.0.len()) };
        self.0.drain(..taken).collect()
    }
}

/// Passes on entries: the first ones at once, further ones together with the next animation frame.
pub(super) struct Batches {
    waiting: RefCell<Waiting>,
    /// Number of entries passed on at once before the next batch; `None` while no batch is scheduled.
    at_once: Cell<Option<u32>>,
    pass_on: fn(&[Entry]),
}

impl Batches {
    pub(super) fn new(pass_on: fn(&[Entry])) -> Rc<Self> {
        Rc::new(Self { waiting: RefCell::default(), at_once: Cell::default(), pass_on })
    }

    /// Adds an entry.
    pub(super) fn add(self: &Rc<Self>, entry: Entry) {
        self.waiting.borrow_mut().add(entry);
        match self.at_once.get() {
            None => self.next(),
            Some(AT_ONCE..) => {}
            Some(before) => {
                self.at_once.set(Some(before + 1));
                self.pass_on(1);
            }
        }
    }

    /// Passes on everything if the tab has been hidden: the animation frame that was waited for does not come.
    pub(super) fn on_visibility_change(&self) {
        if document().hidden() {
            self.pass_on(usize::MAX);
        }
    }

    fn next(self: &Rc<Self>) {
        let hidden = document().hidden();
        let any = self.pass_on(if hidden { usize::MAX } else { MAX_ENTRIES });
        // What waits keeps its turn.
        let before = if self.waiting.borrow().0.is_empty() { 1 } else { AT_ONCE };
        self.at_once.set(any.then_some(before));
        if any {
            let batches = Rc::clone(self);
            let next = move || batches.next();
            if hidden { set_timeout(next, HIDDEN_PAUSE) } else { request_animation_frame(next) }
        }
    }

    /// Passes on so many entries; returns false if there are none.
    fn pass_on(&self, maximum: usize) -> bool {
        let batch = self.waiting.borrow_mut().take(maximum);
        if !batch.is_empty() {
            (self.pass_on)(&batch);
        }
        !batch.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Index, Revision, Status, Timeline};

    use super::*;

    fn entry(index: u32, revision: u64) -> Entry {
        Entry {
            index: Index::try_from(index).unwrap(),
            position: u64::from(index),
            status: Status::Pending,
            revision: Revision::recorded(revision),
            outcome: None,
            times_submitted: 1,
            reason: None,
            worker: None,
            attempt: None,
            progress: None,
            timeline: Timeline::default(),
        }
    }

    #[test]
    fn a_batch_has_the_latest_state_of_each_entry_and_is_limited() {
        let mut waiting = Waiting::default();
        for (index, revision) in [(1, 1), (2, 2), (1, 4), (3, 3), (1, 2)] {
            waiting.add(entry(index, revision));
        }
        assert_eq!(waiting.take(2), [entry(1, 4), entry(2, 2)]);
        assert_eq!(waiting.take(2), [entry(3, 3)]);
        assert_eq!(waiting.take(2), []);
    }
}
