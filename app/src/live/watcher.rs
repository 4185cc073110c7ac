//! One part of the page that shows entries and wants to stay up to date.

use std::cell::Cell;
use std::rc::Rc;

use leptos::{prelude::set_timeout, task::spawn_local};
use protocol::{Entry, Index};

use super::stream::backoff;
use crate::{
    api::{self, Failure},
    listing::Query,
};

/// What a part of the page shows, and so what it fetches afresh.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fresh {
    /// A page of entries.
    Page(Query),
    /// One entry.
    Entry(Index),
}

/// Takes news, or the answer to what was fetched.
type Take = Box<dyn Fn(&[Entry], Option<Fresh>)>;

/// One part of the page that shows entries and wants to stay up to date.
pub struct Watcher {
    /// What it shows just now, if anything.
    shows: Box<dyn Fn() -> Option<Fresh>>,
    take: Take,
    progress: Cell<Progress>,
    failed: Cell<u32>,
}

#[derive(Clone, Copy, Default, Eq, PartialEq)]
enum Progress {
    #[default]
    Idle,
    Fetching,
    /// Something happened while it was fetched: once more.
    FetchingStale,
}

impl Watcher {
    /// A part that shows what `shows` says, and takes news (without the second argument) and fresh
    /// answers (with what was asked for).
    pub fn new(
        shows: impl Fn() -> Option<Fresh> + 'static,
        take: impl Fn(&[Entry], Option<Fresh>) + 'static,
    ) -> Self {
        Self {
            shows: Box::new(shows),
            take: Box::new(take),
            progress: Cell::default(),
            failed: Cell::default(),
        }
    }

    pub(super) fn tell(&self, entry: &Entry) {
        (self.take)(std::slice::from_ref(entry), None);
    }

    /// Fetches what it shows, until it has an answer that was asked for after the last call.
    pub(super) fn refresh(self: &Rc<Self>) {
        if self.progress.get() != Progress::Idle {
            self.progress.set(Progress::FetchingStale);
            return;
        }
        let Some(fresh) = (self.shows)() else { return };
        self.progress.set(Progress::Fetching);
        let watcher = Rc::clone(self);
        spawn_local(async move {
            let answer = fetch(fresh).await;
            let stale = watcher.progress.replace(Progress::Idle) == Progress::FetchingStale;
            match answer {
                Ok(entries) => {
                    watcher.failed.set(0);
                    (watcher.take)(&entries, Some(fresh));
                    if stale {
                        watcher.refresh();
                    }
                }
                // Asked again it would be the same.
                Err(Failure::Problem(problem)) if problem.status == 404 => {}
                Err(_) => watcher.refresh_later(),
            }
        });
    }

    fn refresh_later(self: &Rc<Self>) {
        let failed = self.failed.get();
        self.failed.set(failed + 1);
        let watcher = Rc::clone(self);
        set_timeout(move || watcher.refresh(), backoff(failed, js_sys::Math::random()));
    }
}

async fn fetch(fresh: Fresh) -> Result<Vec<Entry>, Failure> {
    match fresh {
        Fresh::Page(query) => api::read(&api::page_address(query)).await,
        Fresh::Entry(index) => Ok(vec![api::read(&api::entry_address(index)).await?]),
    }
}
