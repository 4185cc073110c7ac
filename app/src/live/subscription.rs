//! The subscription of one part of the page to the entries it shows.

use std::cell::Cell;
use std::rc::Rc;

use leptos::{prelude::set_timeout, task::spawn_local};
use protocol::{Entry, Index};

use super::event_stream::backoff;
use crate::{
    api::{self, ApiError},
    listing::PageQuery,
};

/// Request for the entries that a part of the page shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fetch {
    /// A page of entries.
    Page(PageQuery),
    /// One entry.
    Entry(Index),
}

/// New states of entries, to be merged.
#[derive(Clone, Copy, Debug)]
pub enum EntryUpdate<'a> {
    /// The entries of events.
    Events(&'a [Entry]),
    /// Fetched entries, with the request for them.
    Fetched(Fetch, &'a [Entry]),
}

impl<'a> EntryUpdate<'a> {
    /// Returns the entries.
    #[must_use]
    pub const fn entries(self) -> &'a [Entry] {
        match self {
            Self::Events(entries) | Self::Fetched(_, entries) => entries,
        }
    }
}

/// The subscription of one part of the page to the entries it shows.
pub struct Subscription {
    /// Returns the entries that are shown at the moment, if any.
    fetch: Box<dyn Fn() -> Option<Fetch>>,
    apply: Box<dyn Fn(EntryUpdate<'_>)>,
    state: Cell<State>,
    failures: Cell<u32>,
}

#[derive(Clone, Copy, Default, Eq, PartialEq)]
enum State {
    #[default]
    Idle,
    Fetching,
    /// True if another fetch was requested during the current one.
    FetchingStale,
}

impl Subscription {
    /// Creates a subscription that fetches the entries named by `fetch` and calls `apply` for each update.
    pub fn new(
        fetch: impl Fn() -> Option<Fetch> + 'static,
        apply: impl Fn(EntryUpdate<'_>) + 'static,
    ) -> Self {
        Self {
            fetch: Box::new(fetch),
            apply: Box::new(apply),
            state: Cell::default(),
            failures: Cell::default(),
        }
    }

    pub(super) fn notify(&self, entries: &[Entry]) {
        (self.apply)(EntryUpdate::Events(entries));
    }

    /// Fetches the entries that are shown. A call during a fetch triggers another fetch after it, so the
    /// final response is never older than the last call.
    pub(super) fn refresh(self: &Rc<Self>) {
        if self.state.get() != State::Idle {
            self.state.set(State::FetchingStale);
            return;
        }
        let Some(fetch) = (self.fetch)() else { return };
        self.state.set(State::Fetching);
        let subscription = Rc::clone(self);
        spawn_local(async move {
            let result = send(fetch).await;
            let stale = subscription.state.replace(State::Idle) == State::FetchingStale;
            match result {
                Ok(entries) => {
                    subscription.failures.set(0);
                    (subscription.apply)(EntryUpdate::Fetched(fetch, &entries));
                    if stale {
                        subscription.refresh();
                    }
                }
                // There is no such entry, so a retry would fail too.
                Err(ApiError::Problem(problem)) if problem.status == 404 => {}
                Err(_) => subscription.refresh_later(),
            }
        });
    }

    fn refresh_later(self: &Rc<Self>) {
        let failures = self.failures.get();
        self.failures.set(failures + 1);
        let subscription = Rc::clone(self);
        set_timeout(move || subscription.refresh(), backoff(failures, js_sys::Math::random()));
    }
}

async fn send(fetch: Fetch) -> Result<Vec<Entry>, ApiError> {
    match fetch {
        Fetch::Page(query) => api::fetch_json(&api::page_address(query)).await,
        Fetch::Entry(index) => Ok(vec![api::fetch_json(&api::entry_address(index)).await?]),
    }
}
