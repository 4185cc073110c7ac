//! The queue of indexes to be reconciled.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use protocol::Index;

/// Indexes beyond this number are dropped; the next sweep finds them.
const CAPACITY: usize = 10_000;

/// Indexes to be reconciled soon, without duplicates. They are taken in batches: while one batch is
/// processed, the next one accumulates.
#[derive(Default)]
pub(crate) struct ReconcileQueue(
    // Locked for a single insertion or for taking the set, never across an await.
    Mutex<BTreeSet<Index>>,
);

impl ReconcileQueue {
    pub(crate) fn add(&self, index: Index) {
        let mut indexes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if indexes.len() < CAPACITY {
            indexes.insert(index);
        }
    }

    pub(crate) fn take(&self) -> Vec<Index> {
        let mut indexes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *indexes).into_iter().collect()
    }
}
