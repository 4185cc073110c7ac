//! Events in batches: at most one per animation frame, so that many events in a short time do not block the page.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    time::Duration,
};

use leptos::prelude::{document, request_animation_frame, set_timeout};
use protocol::Entry;

/// Maximum number of entries in a batch. Each may add a row to both lists, which takes a millisecond on a slow device.
const MAX_ENTRIES: usize = 16;
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
        self.0.drain(..maximum.min(self.0.len())).collect()
    }
}

/// Passes on entries: one that arrives alone at once, others together with the next animation frame.
pub(super) struct Batches {
    waiting: RefCell<Waiting>,
    /// True from one batch until the next may follow.
    paused: Cell<bool>,
    pass_on: fn(&[Entry]),
}

impl Batches {
    pub(super) fn new(pass_on: fn(&[Entry])) -> Rc<Self> {
        Rc::new(Self { waiting: RefCell::default(), paused: Cell::default(), pass_on })
    }

    /// Adds an entry.
    pub(super) fn add(self: &Rc<Self>, entry: Entry) {
        self.waiting.borrow_mut().add(entry);
        if !self.paused.get() {
            self.next();
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
        self.paused.set(any);
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
