//! Pages and counts.

use store::Counts;

use crate::harness::{completion, index, numbers, on_both};

on_both! {
    async fn an_empty_record_has_empty_lists(subject: Subject) {
        let record = subject.prepared().await;
        assert_eq!(record.newest(None, 10).await.unwrap(), []);
        assert_eq!(record.oldest(0, 10).await.unwrap(), []);
        assert_eq!(record.listed(0, 10).await.unwrap(), []);
        assert_eq!(record.pending(0, 10).await.unwrap(), []);
        assert_eq!(record.entries(&[]).await.unwrap(), []);
        assert_eq!(record.counts().await.unwrap(), Counts::default());
    }

    async fn entries_are_in_order_of_first_submission(subject: Subject) {
        let record = subject.prepared().await;
        for number in [5, 3, 9, 5, 1, 3] {
            record.submit(index(number), 1).await.unwrap();
        }
        assert_eq!(numbers(&record.oldest(0, 10).await.unwrap()), [5, 3, 9, 1]);
        assert_eq!(numbers(&record.newest(None, 10).await.unwrap()), [1, 9, 3, 5]);
        let listed = record.listed(0, 10).await.unwrap();
        let expected: Vec<_> =
            record.oldest(0, 10).await.unwrap().iter().map(|entry| (entry.position, entry.index)).collect();
        assert_eq!(listed, expected);
        assert!(listed[0].0 > 0, "paging from 0 must not skip the first entry");
    }

    async fn pages_have_no_gaps_or_duplicates(subject: Subject) {
        let record = subject.prepared().await;
        for number in 0..7 {
            record.submit(index(number), 1).await.unwrap();
            // Leaves a gap between two positions.
            record.submit(index(0), 1).await.unwrap();
        }
        let (mut newest, mut before) = (Vec::new(), None);
        loop {
            let page = record.newest(before, 3).await.unwrap();
            let Some(last) = page.last() else { break };
            before = Some(last.position);
            newest.extend(numbers(&page));
        }
        assert_eq!(newest, [6, 5, 4, 3, 2, 1, 0]);
        let (mut oldest, mut after) = (Vec::new(), 0);
        loop {
            let page = record.oldest(after, 3).await.unwrap();
            let listed = record.listed(after, 3).await.unwrap();
            assert_eq!(listed.iter().map(|(_, index)| index.get()).collect::<Vec<_>>(), numbers(&page));
            let Some(last) = page.last() else { break };
            after = last.position;
            oldest.extend(numbers(&page));
        }
        assert_eq!(oldest, [0, 1, 2, 3, 4, 5, 6]);
    }

    async fn extreme_positions_are_not_errors(subject: Subject) {
        let record = subject.prepared().await;
        record.submit(index(7), 1).await.unwrap();
        assert_eq!(numbers(&record.newest(Some(u64::MAX), u32::MAX).await.unwrap()), [7]);
        assert_eq!(record.newest(Some(0), 10).await.unwrap(), []);
        assert_eq!(record.oldest(u64::MAX, 10).await.unwrap(), []);
        assert_eq!(record.newest(None, 0).await.unwrap(), []);
    }

    async fn only_pending_entries_are_listed_as_pending(subject: Subject) {
        let record = subject.prepared().await;
        for number in 0..6 {
            record.submit(index(number), 1).await.unwrap();
        }
        record.complete(index(1), &completion("1")).await.unwrap().unwrap();
        record.give_up(index(2), "why").await.unwrap().unwrap();
        let first = record.pending(0, 2).await.unwrap();
        assert_eq!(numbers(&first), [0, 3]);
        assert_eq!(numbers(&record.pending(first[1].position, 10).await.unwrap()), [4, 5]);
        assert_eq!(record.counts().await.unwrap(), Counts { pending: 4, done: 1, failed: 1 });
    }

    async fn only_submitted_indexes_have_entries(subject: Subject) {
        let record = subject.prepared().await;
        for number in [4, 2] {
            record.submit(index(number), 1).await.unwrap();
        }
        let mut found = numbers(&record.entries(&[index(1), index(2), index(3), index(4)]).await.unwrap());
        found.sort_unstable();
        assert_eq!(found, [2, 4]);
    }
}
