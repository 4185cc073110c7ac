//! The results that were copied, and which of them goes first.

use std::collections::HashMap;

use protocol::Index;

use super::scored::Scored;

/// The results that were copied into the Record, with their sizes: these may be evicted.
#[derive(Default)]
pub(super) struct Results {
    last_used: Scored,
    bytes: HashMap<Index, u64>,
    total: u64,
}

impl Results {
    /// It was copied, or copied again, and used now.
    pub(super) fn set(&mut self, index: Index, bytes: u64, now_us: u64) {
        self.forget(index);
        self.last_used.set(index, now_us);
        self.bytes.insert(index, bytes);
        self.total += bytes;
    }

    /// It was used now, if it is one of these.
    pub(super) fn touch(&mut self, index: Index, now_us: u64) {
        if self.last_used.contains(index) {
            self.last_used.set(index, now_us);
        }
    }

    /// There is no such result any more.
    pub(super) fn forget(&mut self, index: Index) {
        if self.last_used.remove(index) {
            self.total -= self.bytes.remove(&index).unwrap_or(0);
        }
    }

    /// Takes out those least recently used, never `keep`, until the rest holds at most `budget` bytes.
    pub(super) fn evict(&mut self, budget: u64, keep: Index) -> Vec<Index> {
        let mut evicted = Vec::new();
        while self.total > budget {
            let oldest = self.last_used.ascending().map(|(_, index)| index).find(|index| *index != keep);
            let Some(oldest) = oldest else { break };
            self.forget(oldest);
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
    fn the_least_recently_used_go_first_and_the_one_to_keep_stays() {
        let mut results = Results::default();
        for number in 1..=4 {
            results.set(index(number), 10, number.into());
        }
        results.touch(index(1), 9);
        assert_eq!(results.evict(40, index(4)), []);
        assert_eq!(results.evict(25, index(2)), [index(3), index(4)]);
        assert_eq!(results.evict(0, index(2)), [index(1)]);
        assert_eq!(results.total, 10);
    }

    #[test]
    fn a_result_of_another_length_replaces_the_one_before() {
        let mut results = Results::default();
        results.set(index(7), 1_000, 1);
        results.set(index(7), 2, 2);
        assert_eq!(results.total, 2);
        results.forget(index(7));
        results.forget(index(7));
        assert_eq!(results.total, 0);
    }
}
