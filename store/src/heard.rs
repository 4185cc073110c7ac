//! Indexes heard of and not yet looked at.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use protocol::Index;

/// More than this many wait for the sweep, which finds them anyway.
const CAPACITY: usize = 10_000;

/// Indexes heard of and not yet looked at, each once: while one batch is looked at, the next gathers.
#[derive(Default)]
pub(crate) struct HeardIndexes(
    // Held for a single insertion or for taking the set, never across an await.
    Mutex<BTreeSet<Index>>,
);

impl HeardIndexes {
    pub(crate) fn add(&self, index: Index) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.len() < CAPACITY {
            heard.insert(index);
        }
    }

    pub(crate) fn take(&self) -> Vec<Index> {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *heard).into_iter().collect()
    }
}
