//! The list of entries that a page shows, and how events change it.

use protocol::{
    Entry, Index,
    names::{MAX_PAGE_SIZE, PAGE_SIZE},
};

/// Maximum number of entries on a page, however many are added while it is open. It is one less than
/// the API returns at once, because one more entry is requested to find out whether there are older ones.
const MAX_ENTRIES: usize = MAX_PAGE_SIZE as usize - 1;

/// The entries that a page shows, newest first.
///
/// Events may arrive late, twice, and in any order; an entry is replaced only by a later state of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// Entries in descending order of position.
    entries: Vec<Entry>,
    /// True for the newest page. New entries are added only to it.
    first_page: bool,
    /// True if there are entries older than the last one.
    more: bool,
}

/// A query for a page of entries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PageQuery {
    /// Position below which the page starts; the newest page if absent.
    pub before: Option<u64>,
    /// Maximum number of entries.
    pub limit: u32,
}

impl PageQuery {
    /// Returns the query with which the server renders a page. It has one more entry than is shown, to
    /// find out whether there are older ones.
    #[must_use]
    pub const fn first(before: Option<u64>) -> Self {
        Self { before, limit: PAGE_SIZE + 1 }
    }
}

impl Listing {
    /// Creates a list from the response to [`PageQuery::first`].
    #[must_use]
    pub fn new(mut entries: Vec<Entry>, before: Option<u64>) -> Self {
        let more = entries.len() > PAGE_SIZE as usize;
        entries.truncate(PAGE_SIZE as usize);
        Self::from_parts(entries, before.is_none(), more)
    }

    /// Restores the list that the server rendered.
    #[must_use]
    pub const fn from_parts(entries: Vec<Entry>, first_page: bool, more: bool) -> Self {
        Self { entries, first_page, more }
    }

    /// Returns the indexes, newest first.
    #[must_use]
    pub fn indexes(&self) -> Vec<Index> {
        self.entries.iter().map(|entry| entry.index).collect()
    }

    /// Returns the entries, newest first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns the entry of `index`.
    #[must_use]
    pub fn entry(&self, index: Index) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.index == index)
    }

    /// Returns whether this is the newest page.
    #[must_use]
    pub const fn is_first_page(&self) -> bool {
        self.first_page
    }

    /// Returns the position before which the next, older page starts, if there is one.
    #[must_use]
    pub fn older(&self) -> Option<u64> {
        self.entries.last().filter(|_| self.more).map(|entry| entry.position)
    }

    /// Returns the position after which the next, newer page starts, if there is one.
    #[must_use]
    pub fn newer(&self) -> Option<u64> {
        self.entries.first().filter(|_| !self.first_page).map(|entry| entry.position)
    }

    /// Merges the entry of an event and returns whether that changed anything.
    pub fn merge(&mut self, new: &Entry) -> bool {
        if let Some(known) = self.entries.iter_mut().find(|entry| entry.index == new.index) {
            return known.merge(new);
        }
        let at = self.entries.partition_point(|entry| entry.position > new.position);
        let on_older_page = at == self.entries.len() && self.more;
        if !self.first_page || on_older_page {
            return false;
        }
        self.entries.insert(at, new.clone());
        if self.entries.len() > MAX_ENTRIES {
            self.entries.truncate(MAX_ENTRIES);
            self.more = true;
        }
        true
    }

    /// Returns the query that brings the list up to date: as many entries as it has, plus one more.
    #[must_use]
    pub fn query(&self) -> Option<PageQuery> {
        let shown = self.entries.len().clamp(PAGE_SIZE as usize, MAX_ENTRIES);
        let limit = u32::try_from(shown + 1).ok()?;
        if self.first_page {
            return Some(PageQuery { before: None, limit });
        }
        self.entries.first().map(|entry| PageQuery { before: Some(entry.position + 1), limit })
    }

    /// Merges the response to a [`Listing::query`] with this `limit` and returns whether that changed
    /// anything.
    pub fn merge_page(&mut self, page: &[Entry], limit: u32) -> bool {
        let before = self.clone();
        // While the first page is merged, its entries may belong below the last one shown.
        self.more &= !self.first_page;
        for entry in page {
            self.merge(entry);
        }
        if self.first_page {
            let shown = limit as usize - 1;
            self.more = page.len() > shown;
            if let Some(last) = page.get(shown - 1).filter(|_| self.more) {
                // There may be a gap between the fetched entries and the older ones that were shown.
                self.entries.retain(|entry| entry.position >= last.position);
            }
        }
        *self != before
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Revision, Status, Timeline};

    use super::*;

    /// Returns the entry of index 1,000 + position.
    fn entry(position: u64, revision: u64) -> Entry {
        Entry {
            index: Index::try_from(1_000 + u32::try_from(position).unwrap()).unwrap(),
            position,
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

    fn page(positions: impl DoubleEndedIterator<Item = u64>) -> Vec<Entry> {
        positions.rev().map(|position| entry(position, 1)).collect()
    }

    fn positions(listing: &Listing) -> Vec<u64> {
        listing.entries().iter().map(|entry| entry.position).collect()
    }

    #[test]
    fn an_entry_is_inserted_in_order_and_never_replaced_by_an_earlier_state() {
        let mut listing = Listing::new(page([2, 4].into_iter()), None);
        assert!(listing.merge(&entry(3, 1)));
        assert!(listing.merge(&entry(9, 1)));
        assert!(listing.merge(&entry(1, 1)));
        assert_eq!(positions(&listing), [9, 4, 3, 2, 1]);
        assert!(listing.merge(&entry(3, 5)));
        assert!(!listing.merge(&entry(3, 4)));
        assert!(!listing.merge(&entry(3, 5)));
        let index = entry(3, 0).index;
        assert_eq!(listing.entry(index).map(|entry| entry.revision), Some(Revision::recorded(5)));
        assert_eq!(positions(&listing).len(), 5);
    }

    #[test]
    fn a_page_shows_one_entry_fewer_than_requested_and_links_to_the_next() {
        let listing = Listing::new(page(1..=21), None);
        assert_eq!(listing.entries().len(), 20);
        assert_eq!(listing.older(), Some(2));
        assert_eq!(listing.newer(), None);
        assert_eq!(Listing::new(page(1..=20), None).older(), None);
        assert_eq!(Listing::new(page(1..=20), Some(21)).newer(), Some(20));
    }

    #[test]
    fn an_entry_of_an_older_page_is_not_added() {
        let mut listing = Listing::new(page(10..=30), None);
        assert!(!listing.merge(&entry(3, 1)));
        assert_eq!(listing.entries().len(), 20);
    }

    #[test]
    fn an_older_page_is_updated_but_not_extended() {
        let mut listing = Listing::new(page(1..=5), Some(6));
        assert!(!listing.merge(&entry(9, 1)));
        assert!(listing.merge(&entry(5, 2)));
        assert_eq!(listing.query(), Some(PageQuery { before: Some(6), limit: 21 }));
        assert!(listing.merge_page(&[entry(7, 1), entry(4, 2)], 21));
        assert_eq!(positions(&listing), [5, 4, 3, 2, 1]);
        assert_eq!(Listing::new(Vec::new(), Some(6)).query(), None);
    }

    #[test]
    fn the_list_grows_up_to_its_maximum() {
        let mut listing = Listing::new(page(1..=3), None);
        for position in 4..=500 {
            listing.merge(&entry(position, 1));
        }
        assert_eq!(listing.entries().len(), MAX_ENTRIES);
        assert_eq!(positions(&listing)[0], 500);
        assert_eq!(listing.older(), Some(402));
        assert_eq!(listing.query(), Some(PageQuery { before: None, limit: 100 }));
    }

    #[test]
    fn a_fresh_page_fills_in_what_was_missed() {
        let mut listing = Listing::new(page(1..=3), None);
        assert!(listing.merge_page(&page(1..=6), 21));
        assert_eq!(positions(&listing), [6, 5, 4, 3, 2, 1]);
        assert_eq!(listing.older(), None);
        assert!(!listing.merge_page(&page(1..=6), 21));
    }

    #[test]
    fn a_fetched_page_removes_the_entries_below_a_gap() {
        let mut listing = Listing::new(page(1..=20), None);
        // An event that arrived before the page is kept.
        listing.merge(&entry(101, 1));
        assert!(listing.merge_page(&page(80..=100), 21));
        assert_eq!(positions(&listing), (81..=101).rev().collect::<Vec<_>>());
        assert_eq!(listing.older(), Some(81));
    }
}
