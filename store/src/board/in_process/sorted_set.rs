//! A set ordered by score, like Redis's sorted sets.

use std::collections::{BTreeSet, HashMap};

use protocol::Index;

/// Indexes ordered by score, lowest first.
#[derive(Default)]
pub(super) struct SortedSet {
    scores: HashMap<Index, u64>,
    order: BTreeSet<(u64, Index)>,
}

impl SortedSet {
    /// Sets the score of an index, adding it if absent.
    pub(super) fn set(&mut self, index: Index, score: u64) {
        self.remove(index);
        self.scores.insert(index, score);
        self.order.insert((score, index));
    }

    /// Removes an index; returns true if it was in the set.
    pub(super) fn remove(&mut self, index: Index) -> bool {
        match self.scores.remove(&index) {
            Some(score) => self.order.remove(&(score, index)),
            None => false,
        }
    }

    pub(super) fn contains(&self, index: Index) -> bool {
        self.scores.contains_key(&index)
    }

    pub(super) fn score(&self, index: Index) -> Option<u64> {
        self.scores.get(&index).copied()
    }

    /// Scores and indexes, lowest score first.
    pub(super) fn ascending(&self) -> impl DoubleEndedIterator<Item = (u64, Index)> {
        self.order.iter().copied()
    }

    pub(super) fn len(&self) -> usize {
        self.scores.len()
    }
}
