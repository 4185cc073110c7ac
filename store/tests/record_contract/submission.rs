//! Submissions, and indexes found on the Board.

use protocol::{Index, Revision, Status, Timeline};

use crate::harness::{completion, index, numbers, on_both};

on_both! {
    async fn a_new_index_is_pending_and_reported_as_first(subject: Subject) {
        let record = subject.prepared().await;
        let submission = record.submit(index(7), 5).await.unwrap();
        assert!(submission.first);
        let entry = submission.entry;
        assert_eq!((entry.index, entry.status), (index(7), Status::Pending));
        assert_eq!((entry.times_submitted, entry.revision), (1, Revision::recorded(1)));
        assert_eq!((&entry.outcome, &entry.reason, &entry.worker), (&None, &None, &None));
        assert!(entry.timeline.recorded_us > Some(5), "{:?}", entry.timeline);
        let expected = Timeline {
            accepted_us: Some(5),
            recorded_us: entry.timeline.recorded_us,
            ..Timeline::default()
        };
        assert_eq!(entry.timeline, expected);
        assert_eq!(record.entry(index(7)).await.unwrap(), Some(entry));
    }

    async fn the_lowest_and_highest_index_can_be_submitted(subject: Subject) {
        let record = subject.prepared().await;
        for lowest_or_highest in [index(0), Index::MAX] {
            assert_eq!(record.submit(lowest_or_highest, 1).await.unwrap().entry.index, lowest_or_highest);
        }
        assert_eq!(numbers(&record.oldest(0, 10).await.unwrap()), [0, Index::MAX.get()]);
    }

    async fn a_resubmission_is_counted_and_keeps_the_state(subject: Subject) {
        let record = subject.prepared().await;
        let new = record.submit(index(7), 5).await.unwrap().entry;
        let explained = record.set_reason(index(7), "its worker was wrong").await.unwrap().unwrap();
        let again = record.submit(index(7), 6).await.unwrap();
        assert!(!again.first);
        assert_eq!((again.entry.times_submitted, again.entry.position), (2, new.position));
        assert_eq!(again.entry.revision, Revision::recorded(3));
        assert_eq!((&again.entry.reason, again.entry.timeline), (&explained.reason, new.timeline));

        let done = record.complete(index(7), &completion("13")).await.unwrap().unwrap();
        let again = record.submit(index(7), 7).await.unwrap().entry;
        assert_eq!((again.times_submitted, again.revision), (3, Revision::recorded(5)));
        assert_eq!((again.status, again.outcome), (Status::Done, done.outcome));
        assert_eq!((again.worker, again.timeline), (done.worker, done.timeline));
    }

    async fn a_resubmitted_failed_index_is_pending_again(subject: Subject) {
        let record = subject.prepared().await;
        record.submit(index(7), 5).await.unwrap();
        record.give_up(index(7), "out of memory").await.unwrap().unwrap();
        let again = record.submit(index(7), 8).await.unwrap();
        assert!(!again.first);
        assert_eq!((again.entry.status, again.entry.times_submitted), (Status::Pending, 2));
        assert_eq!((again.entry.reason, again.entry.revision), (None, Revision::recorded(3)));
        assert_eq!(again.entry.timeline.accepted_us, Some(8));
        assert!(again.entry.timeline.recorded_us > Some(8));
    }

    async fn concurrent_submissions_of_one_index_create_one_row(subject: Subject) {
        let record = subject.prepared().await;
        let other = record.another();
        other.prepare().await.unwrap();
        let submissions: Vec<_> = (0..32_u64)
            .map(|number| {
                let server = if number % 2 == 0 { record.share() } else { other.clone() };
                tokio::spawn(async move { server.submit(index(7), number).await.unwrap() })
            })
            .collect();
        let mut answers = Vec::new();
        for submission in submissions {
            answers.push(submission.await.unwrap());
        }
        assert_eq!(answers.iter().filter(|answer| answer.first).count(), 1);
        let mut counts: Vec<u64> = answers.iter().map(|answer| answer.entry.times_submitted).collect();
        counts.sort_unstable();
        assert_eq!(counts, (1..=32).collect::<Vec<_>>());
        let entries = record.oldest(0, 100).await.unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!((entries[0].times_submitted, entries[0].revision), (32, Revision::recorded(32)));
    }

    async fn concurrent_submissions_of_64_indexes_are_all_stored(subject: Subject) {
        let record = subject.prepared().await;
        let other = record.another();
        other.prepare().await.unwrap();
        let submissions: Vec<_> = (0..64)
            .map(|number| {
                let server = if number % 2 == 0 { record.share() } else { other.clone() };
                tokio::spawn(async move { server.submit(index(number), 1).await.unwrap() })
            })
            .collect();
        for submission in submissions {
            assert!(submission.await.unwrap().first);
        }
        let listed = record.listed(0, 100).await.unwrap();
        assert!(listed.is_sorted_by_key(|(position, _)| *position), "{listed:?}");
        let mut kept: Vec<u32> = listed.iter().map(|(_, index)| index.get()).collect();
        kept.sort_unstable();
        assert_eq!(kept, (0..64).collect::<Vec<_>>());
    }

    async fn indexes_found_on_the_board_are_recorded_once(subject: Subject) {
        let record = subject.prepared().await;
        let known = record.submit(index(3), 5).await.unwrap().entry;
        let mut new = record.adopt(&[index(9), index(3), index(8), index(9)]).await.unwrap();
        new.sort_by_key(|entry| entry.index);
        assert_eq!(numbers(&new), [8, 9]);
        for entry in &new {
            assert_eq!((entry.status, entry.revision), (Status::Pending, Revision::recorded(1)));
            assert_eq!((entry.times_submitted, entry.timeline.accepted_us), (1, None));
            assert!(entry.timeline.recorded_us.is_some());
        }
        assert_eq!(record.entry(index(3)).await.unwrap(), Some(known));
        assert_eq!(record.adopt(&[index(8), index(9)]).await.unwrap(), []);
        assert_eq!(record.adopt(&[]).await.unwrap(), []);
        assert!(!record.submit(index(9), 6).await.unwrap().first);
    }

    async fn thousands_of_indexes_are_adopted_and_read_in_one_call(subject: Subject) {
        let record = subject.prepared().await;
        let all: Vec<Index> = (0..2_500).map(index).collect();
        assert_eq!(record.adopt(&all).await.unwrap().len(), 2_500);
        assert_eq!(record.entries(&all).await.unwrap().len(), 2_500);
    }

    async fn two_servers_adopt_each_index_exactly_once(subject: Subject) {
        let record = subject.prepared().await;
        let other = record.another();
        other.prepare().await.unwrap();
        let upwards: Vec<Index> = (0..500).map(index).collect();
        let downwards: Vec<Index> = (0..500).rev().map(index).collect();
        let (one, two) = tokio::join!(record.adopt(&upwards), other.adopt(&downwards));
        let mut new = numbers(&one.unwrap());
        new.extend(numbers(&two.unwrap()));
        new.sort_unstable();
        assert_eq!(new, (0..500).collect::<Vec<_>>());
    }
}
