//! The recorded results, in the order in which they may be evicted.

use std::collections::HashMap;

use protocol::Index;

use super::sorted_set::SortedSet;

/// Results that are in the Record, with their sizes. Only these may be evicted.
#[derive(Default)]
pub(super) struct ResultCache {
    last_used: SortedSet,
    bytes: HashMap<Index, u64>,
    total: u64,
}

impl ResultCache {
    /// Adds or replaces a result, used now.
    pub(super) fn set(&mut self, index: Index, bytes: u64, now_us: u64) {
        self.remove(index);
        self.last_used.set(index, now_us);
        self.bytes.insert(index, bytes);
        self.total += bytes;
    }

    /// Marks a result as used now, if it is in the cache.
    pub(super) fn touch(&mut self, index: Index, now_us: u64) {
        if self.last_used.contains(index) {
            self.last_used.set(index, now_us);
        }
    }

    /// Removes a result, if it is in the cache.
    pub(super) fn remove(&mut self, index: Index) {
        if self.last_used.remove(index) {
            self.total -= self.bytes.remove(&index).unwrap_or(0);
        }
    }

    pub(super) fn contains(&self, index: Index) -> bool {
        self.last_used.contains(index)
    }

    pub(super) fn most_recent(&self) -> Option<Index> {
        self.last_used.ascending().next_back().map(|(_, index)| index)
    }

    /// Removes the least recently used results, except `keep`, until the rest fits into `budget` bytes.
    /// Returns the removed indexes.
    pub(super) fn evict(&mut self, budget: u64, keep: Option<Index>) -> Vec<Index> {
        let mut evicted = Vec::new();
        while self.total > budget {
            let oldest =
                self.last_used.ascending().map(|(_, index)| index).find(|index| Some(*index) != keep);
            let Some(oldest) = oldest else { break };
            self.remove(oldest);
            evicted.push(oldest);
        }
        evicted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(number: u32) -> Index {
        Index::try_from(number).unwrap()
    }

    #[test]
    fn the_least_recently_used_results_are_evicted_first_except_the_one_to_keep() {
        let mut cache = ResultCache::default();
        for number in 1..=4 {
            cache.set(index(number), 10, number.into());
        }
        cache.touch(index(1), 9);
        assert_eq!(cache.evict(40, Some(index(4))), []);
        assert_eq!(cache.evict(25, Some(index(2))), [index(3), index(4)]);
        assert_eq!(cache.evict(0, Some(index(2))), [index(1)]);
        assert_eq!(cache.total, 10);
    }

    #[test]
    fn replacing_a_result_updates_the_total() {
        let mut cache = ResultCache::default();
        cache.set(index(7), 1_000, 1);
        cache.set(index(7), 2, 2);
        assert_eq!(cache.total, 2);
        cache.remove(index(7));
        cache.remove(index(7));
        assert_eq!(cache.total, 0);
    }
}
