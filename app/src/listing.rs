//! The list of entries that a page shows, and what news does to it.

use protocol::{
    Entry, Index,
    names::{MAX_PAGE_SIZE, PAGE_SIZE},
};

/// The most entries a page shows, however many come in while it is open. One less than the API gives
/// at once: the one more that is asked for tells whether there are older ones.
const MOST: usize = MAX_PAGE_SIZE as usize - 1;

/// The entries that a page shows, newest first.
///
/// News comes in any order, twice, or late; an entry is only ever replaced by a later state of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// Falling by position.
    entries: Vec<Entry>,
    /// The first page takes new entries in; the older ones stay as they are.
    first_page: bool,
    /// There are entries older than the last one shown.
    more: bool,
}

/// What to ask the API for to bring a list up to date.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Query {
    /// Entries below this position; the newest if absent.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: u32,
}

impl Query {
    /// What the server asks the Record for to render a page: one more entry than is shown tells
    /// whether there are older ones.
    #[must_use]
    pub const fn page(before: Option<u64>) -> Self {
        Self { before, limit: PAGE_SIZE + 1 }
    }
}

impl Listing {
    /// Shows the answer to [`Query::page`].
    #[must_use]
    pub fn of(mut entries: Vec<Entry>, before: Option<u64>) -> Self {
        let more = entries.len() > PAGE_SIZE as usize;
        entries.truncate(PAGE_SIZE as usize);
        Self::shown(entries, before.is_none(), more)
    }

    /// Takes up again what the server rendered.
    #[must_use]
    pub const fn shown(entries: Vec<Entry>, first_page: bool, more: bool) -> Self {
        Self { entries, first_page, more }
    }

    /// The indexes, newest first.
    #[must_use]
    pub fn indexes(&self) -> Vec<Index> {
        self.entries.iter().map(|entry| entry.index).collect()
    }

    /// The entries, newest first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// One of the entries.
    #[must_use]
    pub fn entry(&self, index: Index) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.index == index)
    }

    /// Is it the newest page, which takes new entries in?
    #[must_use]
    pub const fn is_first_page(&self) -> bool {
        self.first_page
    }

    /// Where the next, older page starts, if there is one.
    #[must_use]
    pub fn older(&self) -> Option<u64> {
        self.entries.last().filter(|_| self.more).map(|entry| entry.position)
    }

    /// Takes one piece of news; says whether it changed anything.
    pub fn take(&mut self, news: &Entry) -> bool {
        if let Some(known) = self.entries.iter_mut().find(|entry| entry.index == news.index) {
            return known.merge(news);
        }
        let at = self.entries.partition_point(|entry| entry.position > news.position);
        let of_older_page = at == self.entries.len() && self.more;
        if !self.first_page || of_older_page {
            return false;
        }
        self.entries.insert(at, news.clone());
        if self.entries.len() > MOST {
            self.entries.truncate(MOST);
            self.more = true;
        }
        true
    }

    /// What brings it up to date: as many entries as it shows, from the top, and one more.
    #[must_use]
    pub fn query(&self) -> Option<Query> {
        let shown = self.entries.len().clamp(PAGE_SIZE as usize, MOST);
        let limit = u32::try_from(shown + 1).ok()?;
        if self.first_page {
            return Some(Query { before: None, limit });
        }
        self.entries.first().map(|entry| Query { before: Some(entry.position + 1), limit })
    }

    /// Takes the answer to a [`Listing::query`] of this `limit`; says whether it changed anything.
    pub fn take_page(&mut self, page: &[Entry], limit: u32) -> bool {
        let before = self.clone();
        // For now: the page holds the newest there is, so its entries may go below the last one shown.
        self.more &= !self.first_page;
        for entry in page {
            self.take(entry);
        }
        if self.first_page {
            let shown = limit as usize - 1;
            self.more = page.len() > shown;
            if let Some(last) = page.get(shown - 1).filter(|_| self.more) {
                // Whatever is older may have a gap above it: more came in than was asked for.
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

    /// The entry of index 1,000 + position.
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
    fn news_goes_to_its_place_and_never_turns_an_entry_back() {
        let mut listing = Listing::of(page([2, 4].into_iter()), None);
        assert!(listing.take(&entry(3, 1)));
        assert!(listing.take(&entry(9, 1)));
        assert!(listing.take(&entry(1, 1)));
        assert_eq!(positions(&listing), [9, 4, 3, 2, 1]);
        assert!(listing.take(&entry(3, 5)));
        assert!(!listing.take(&entry(3, 4)));
        assert!(!listing.take(&entry(3, 5)));
        let index = entry(3, 0).index;
        assert_eq!(listing.entry(index).map(|entry| entry.revision), Some(Revision::recorded(5)));
        assert_eq!(positions(&listing).len(), 5);
    }

    #[test]
    fn a_page_shows_one_entry_less_than_was_asked_for_and_links_to_the_rest() {
        let listing = Listing::of(page(1..=21), None);
        assert_eq!(listing.entries().len(), 20);
        assert_eq!(listing.older(), Some(2));
        assert_eq!(Listing::of(page(1..=20), None).older(), None);
    }

    #[test]
    fn what_belongs_to_an_older_page_is_left_there() {
        let mut listing = Listing::of(page(10..=30), None);
        assert!(!listing.take(&entry(3, 1)));
        assert_eq!(listing.entries().len(), 20);
    }

    #[test]
    fn an_older_page_takes_news_of_its_own_entries_alone() {
        let mut listing = Listing::of(page(1..=5), Some(6));
        assert!(!listing.take(&entry(9, 1)));
        assert!(listing.take(&entry(5, 2)));
        assert_eq!(listing.query(), Some(Query { before: Some(6), limit: 21 }));
        assert!(listing.take_page(&[entry(7, 1), entry(4, 2)], 21));
        assert_eq!(positions(&listing), [5, 4, 3, 2, 1]);
        assert_eq!(Listing::of(Vec::new(), Some(6)).query(), None);
    }

    #[test]
    fn the_list_grows_with_the_news_up_to_its_bound() {
        let mut listing = Listing::of(page(1..=3), None);
        for position in 4..=500 {
            listing.take(&entry(position, 1));
        }
        assert_eq!(listing.entries().len(), MOST);
        assert_eq!(positions(&listing)[0], 500);
        assert_eq!(listing.older(), Some(402));
        assert_eq!(listing.query(), Some(Query { before: None, limit: 100 }));
    }

    #[test]
    fn a_fresh_page_fills_in_what_was_missed() {
        let mut listing = Listing::of(page(1..=3), None);
        assert!(listing.take_page(&page(1..=6), 21));
        assert_eq!(positions(&listing), [6, 5, 4, 3, 2, 1]);
        assert_eq!(listing.older(), None);
        assert!(!listing.take_page(&page(1..=6), 21));
    }

    #[test]
    fn a_fresh_page_beyond_a_gap_drops_what_lies_below_the_gap() {
        let mut listing = Listing::of(page(1..=20), None);
        // News that overtook the page stays.
        listing.take(&entry(101, 1));
        assert!(listing.take_page(&page(80..=100), 21));
        assert_eq!(positions(&listing), (81..=101).rev().collect::<Vec<_>>());
        assert_eq!(listing.older(), Some(81));
    }
}
