//! Versions of the Record: what was read at one of them can be shown again as long as nothing has changed since.
//!
//! Reads are exact: one that starts after a write was acknowledged, by any server, shows that write or something
//! newer. So the Record is asked for its changes before anything that was read earlier is shown again. Requests that
//! arrive while such a query runs share the next one, which begins after they arrived.

use std::{
    collections::VecDeque,
    ops::RangeInclusive,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use protocol::Index;
use tokio::time::timeout;

use crate::{Changes, Mark, Record};

/// Number of changes that are remembered. What was read before the oldest of them counts as changed.
const REMEMBERED_CHANGES: usize = 10_000;
/// Time limit for asking the Record. After that, everything is read as if nothing had been read before.
const TIMEOUT: Duration = Duration::from_secs(1);

/// A version of the Record, as one server counts them.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Version(u64);

impl Version {
    /// The version of something that is not compared with anything.
    pub const UNKNOWN: Self = Self(0);
}

/// The entries that something depends on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Scope {
    /// None.
    Nothing,
    /// The entry of an index.
    Index(Index),
    /// The entries at these positions, including those that do not exist yet.
    Positions(RangeInclusive<u64>),
}

impl Scope {
    /// All entries.
    pub const ANY: Self = Self::Positions(0..=u64::MAX);

    fn contains(&self, position: u64, index: Index) -> bool {
        match self {
            Self::Nothing => false,
            Self::Index(own) => *own == index,
            Self::Positions(range) => range.contains(&position),
        }
    }
}

type Query = Shared<BoxFuture<'static, Option<Version>>>;

/// The current version of a Record, and its recent changes.
#[derive(Clone)]
pub(crate) struct Versions {
    record: Arc<dyn Record>,
    known: Arc<Mutex<Known>>,
    /// The next query, which has not begun.
    next: Arc<Mutex<Option<Query>>>,
    /// Held during a query.
    turn: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct Known {
    mark: Option<Mark>,
    version: u64,
    /// The first version since which all changes are listed.
    listed_since: u64,
    changes: VecDeque<(u64, u64, Index)>,
}

impl Versions {
    pub(crate) fn new(record: Arc<dyn Record>) -> Self {
        Self { record, known: Arc::default(), next: Arc::default(), turn: Arc::default() }
    }

    /// Returns the current version. If it is `None`, nothing that was read earlier may be shown again.
    pub(crate) async fn current(&self) -> Option<Version> {
        let query = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            next.get_or_insert_with(|| self.clone().ask().boxed().shared()).clone()
        };
        query.await
    }

    /// Waits for the running query, then starts the next one.
    async fn ask(self) -> Option<Version> {
        let _turn = self.turn.lock().await;
        // Requests that arrive from here on need another query.
        self.next.lock().unwrap_or_else(PoisonError::into_inner).take();
        let since = self.known().mark.clone();
        let answer = timeout(TIMEOUT, self.record.changes(since.as_ref())).await;
        let (mark, changes) = match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                tracing::debug!(%error, "failed to ask the database for changes");
                (None, Changes::Any)
            }
            Err(_) => (None, Changes::Any),
        };
        self.known().advance(mark, changes)
    }

    /// Returns a version up to which everything in `scope` is as it was at the version `since`, or `None` if
    /// something may have changed.
    pub(crate) fn unchanged(&self, scope: &Scope, since: Version) -> Option<Version> {
        self.known().unchanged(scope, since)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn advance(&mut self, mark: Option<Mark>, changes: Changes) -> Option<Version> {
        match changes {
            Changes::Of(changed) if changed.is_empty() => {}
            Changes::Of(changed) => {
                self.version += 1;
                self.changes
                    .extend(changed.into_iter().map(|(position, index)| (self.version, position, index)));
                while self.changes.len() > REMEMBERED_CHANGES {
                    if let Some((version, ..)) = self.changes.pop_front() {
                        self.listed_since = version;
                    }
                }
            }
            Changes::Any => {
                self.version += 1;
                self.listed_since = self.version;
                self.changes.clear();
            }
        }
        let comparable = mark.is_some();
        self.mark = mark;
        comparable.then_some(Version(self.version))
    }

    fn unchanged(&self, scope: &Scope, since: Version) -> Option<Version> {
        let mut later = self.changes.iter().rev().take_while(|(version, ..)| *version > since.0);
        let is_listed = since.0 >= self.listed_since;
        let is_changed = *scope != Scope::Nothing
            && (!is_listed || later.any(|(_, position, index)| scope.contains(*position, *index)));
        (!is_changed).then_some(Version(self.version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(number: u32) -> Index {
        number.try_into().unwrap()
    }

    #[test]
    fn only_a_change_within_the_scope_counts() {
        let mut known = Known { mark: None, ..Known::default() };
        known.advance(None, Changes::Any);
        let since = Version(known.version);
        known.advance(None, Changes::Of(Vec::new()));
        assert_eq!(known.version, since.0, "no change, no new version");
        known.advance(None, Changes::Of(vec![(5, index(50)), (9, index(90))]));
        let holds = |scope| known.unchanged(&scope, since).is_some();
        assert!(holds(Scope::Nothing) && holds(Scope::Index(index(5))) && holds(Scope::Positions(6..=8)));
        assert!(!holds(Scope::ANY) && !holds(Scope::Index(index(90))) && !holds(Scope::Positions(0..=5)));
        let now = Version(known.version);
        assert_eq!(known.unchanged(&Scope::ANY, now), Some(now));
    }

    #[test]
    fn an_unknown_change_counts_for_every_scope() {
        let mut known = Known::default();
        known.advance(None, Changes::Any);
        let since = Version(known.version);
        known.advance(None, Changes::Any);
        assert_eq!(known.unchanged(&Scope::Index(index(1)), since), None);
        assert!(known.unchanged(&Scope::Nothing, since).is_some());
    }

    #[test]
    fn forgotten_changes_count_as_changes() {
        let mut known = Known::default();
        known.advance(None, Changes::Any);
        let since = Version(known.version);
        for number in 0..=REMEMBERED_CHANGES {
            known.advance(None, Changes::Of(vec![(number as u64 + 1, index(7))]));
        }
        assert_eq!(known.changes.len(), REMEMBERED_CHANGES);
        assert_eq!(known.unchanged(&Scope::Index(index(1)), since), None);
        let next = Version(since.0 + 1);
        assert!(known.unchanged(&Scope::Index(index(1)), next).is_some());
    }
}
