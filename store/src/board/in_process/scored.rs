//! A set in an order of its own, as Redis' sorted sets are.

use std::collections::{BTreeSet, HashMap};

use protocol::Index;

/// Indexes by score, the lowest first.
#[derive(Default)]
pub(super) struct Scored {
    scores: HashMap<Index, u64>,
    order: BTreeSet<(u64, Index)>,
}

impl Scored {
    /// Sets the score of an index, which is added if it is not there.
    pub(super) fn set(&mut self, index: Index, score: u64) {
        self.remove(index);
        self.scores.insert(index, score);
        self.order.insert((score, index));
    }

    /// Says whether it was there.
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

    /// From the lowest score up.
    pub(super) fn ascending(&self) -> impl Iterator<Item = (u64, Index)> {
        self.order.iter().copied()
    }

    pub(super) fn len(&self) -> usize {
        self.scores.len()
    }
}
