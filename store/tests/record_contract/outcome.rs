//! Outcomes of an index: done, failed, or pending with a reason.

use protocol::{Outcome, Revision, Status, Timeline, WorkerId};
use store::Completion;

use crate::harness::{completion, index, on_both};

on_both! {
    async fn a_completion_is_stored_with_worker_and_times(subject: Subject) {
        let record = subject.prepared().await;
        let new = record.submit(index(7), 1).await.unwrap().entry;
        let done = record.complete(index(7), &completion("13")).await.unwrap().unwrap();
        assert_eq!((done.status, done.revision), (Status::Done, Revision::recorded(2)));
        assert_eq!(done.outcome, Some(Outcome::Whole { value: "13".to_owned() }));
        assert_eq!(done.worker, Some(WorkerId::new("worker-1")));
        let expected = Timeline {
            announced_us: Some(3),
            claimed_us: Some(4),
            computed_us: Some(5),
            posted_us: Some(6),
            delivered_us: Some(7),
            ..new.timeline
        };
        assert_eq!(done.timeline, expected);
        assert_eq!(record.entry(index(7)).await.unwrap(), Some(done));
    }

    async fn worker_and_times_of_a_foreign_result_are_absent(subject: Subject) {
        let record = subject.prepared().await;
        let new = record.submit(index(0), 1).await.unwrap().entry;
        let foreign = Completion {
            outcome: Outcome::of("0"),
            worker: None,
            announced_us: None,
            claimed_us: None,
            computed_us: None,
            posted_us: None,
            delivered_us: None,
        };
        let done = record.complete(index(0), &foreign).await.unwrap().unwrap();
        assert_eq!((done.outcome, done.worker), (Some(Outcome::of("0")), None));
        assert_eq!(done.timeline, new.timeline);
    }

    async fn a_value_of_more_than_1000_digits_is_shortened_to_head_and_tail(subject: Subject) {
        let record = subject.prepared().await;
        for digits in [1_000, 1_001, 208_988] {
            let value: String = ('0'..='9').cycle().skip(1).take(digits).collect();
            let number = index(u32::try_from(digits).unwrap());
            record.submit(number, 1).await.unwrap();
            let done = record.complete(number, &completion(&value)).await.unwrap().unwrap();
            assert_eq!(done.outcome, Some(Outcome::of(&value)));
            assert_eq!(record.entry(number).await.unwrap(), Some(done));
        }
    }

    async fn a_value_may_be_any_text(subject: Subject) {
        let record = subject.prepared().await;
        for characters in [10, 1_000, 1_001, 5_000] {
            let value: String = "é\"\\💥%s/\n'$1".chars().cycle().take(characters).collect();
            let number = index(u32::try_from(characters).unwrap());
            record.submit(number, 1).await.unwrap();
            let done = record.complete(number, &completion(&value)).await.unwrap().unwrap();
            assert_eq!(done.outcome, Some(Outcome::of(&value)));
            assert_eq!(done.outcome.as_ref().unwrap().digits(), characters as u64);
            assert_eq!(record.entry(number).await.unwrap(), Some(done));
        }
    }

    async fn a_reason_may_be_any_text(subject: Subject) {
        let record = subject.prepared().await;
        record.submit(index(7), 1).await.unwrap();
        let reason = "é\"\\💥%s/\n'$1\0";
        // PostgreSQL cannot store NUL.
        let shown = reason.replace('\0', "\u{fffd}");
        let pending = record.set_reason(index(7), reason).await.unwrap().unwrap();
        assert_eq!(pending.reason.as_ref(), Some(&shown));
        assert_eq!(record.set_reason(index(7), reason).await.unwrap(), None);
        let failed = record.give_up(index(7), reason).await.unwrap().unwrap();
        assert_eq!(failed.reason, Some(shown));
    }

    async fn only_one_of_many_concurrent_completions_gets_the_entry(subject: Subject) {
        let record = subject.prepared().await;
        let other = record.another();
        other.prepare().await.unwrap();
        record.submit(index(7), 1).await.unwrap();
        let attempts: Vec<_> = (0..16)
            .map(|number| {
                let server = if number % 2 == 0 { record.share() } else { other.clone() };
                tokio::spawn(async move { server.complete(index(7), &completion("13")).await.unwrap() })
            })
            .collect();
        let mut returned = 0;
        for attempt in attempts {
            returned += usize::from(attempt.await.unwrap().is_some());
        }
        assert_eq!(returned, 1);
        assert_eq!(record.entry(index(7)).await.unwrap().unwrap().revision, Revision::recorded(2));
    }

    async fn an_index_never_submitted_has_no_outcome(subject: Subject) {
        let record = subject.prepared().await;
        assert_eq!(record.complete(index(7), &completion("13")).await.unwrap(), None);
        assert_eq!(record.give_up(index(7), "why").await.unwrap(), None);
        assert_eq!(record.set_reason(index(7), "why").await.unwrap(), None);
        assert_eq!(record.entry(index(7)).await.unwrap(), None);
    }

    async fn a_done_entry_keeps_its_outcome(subject: Subject) {
        let record = subject.prepared().await;
        record.submit(index(7), 1).await.unwrap();
        let done = record.complete(index(7), &completion("13")).await.unwrap();
        assert_eq!(record.complete(index(7), &completion("21")).await.unwrap(), None);
        assert_eq!(record.give_up(index(7), "why").await.unwrap(), None);
        assert_eq!(record.set_reason(index(7), "why").await.unwrap(), None);
        assert_eq!(record.entry(index(7)).await.unwrap(), done);
    }

    async fn an_entry_given_up_has_a_reason_and_can_still_become_done(subject: Subject) {
        let record = subject.prepared().await;
        record.submit(index(7), 1).await.unwrap();
        let failed = record.give_up(index(7), "failed 5 times: ‘out of memory’").await.unwrap().unwrap();
        assert_eq!((failed.status, failed.revision), (Status::Failed, Revision::recorded(2)));
        assert_eq!(failed.reason.as_deref(), Some("failed 5 times: ‘out of memory’"));
        assert_eq!(record.give_up(index(7), "again").await.unwrap(), None);
        assert_eq!(record.set_reason(index(7), "why").await.unwrap(), None);
        assert_eq!(record.entry(index(7)).await.unwrap().as_ref(), Some(&failed));

        let done = record.complete(index(7), &completion("13")).await.unwrap().unwrap();
        assert_eq!((done.status, done.reason), (Status::Done, None));
        assert_eq!(done.revision, Revision::recorded(3));
    }

    async fn setting_the_same_reason_again_changes_nothing(subject: Subject) {
        let record = subject.prepared().await;
        record.submit(index(7), 1).await.unwrap();
        let explained = record.set_reason(index(7), "its value was wrong").await.unwrap().unwrap();
        assert_eq!((explained.status, explained.revision), (Status::Pending, Revision::recorded(2)));
        assert_eq!(explained.reason.as_deref(), Some("its value was wrong"));
        assert_eq!(record.set_reason(index(7), "its value was wrong").await.unwrap(), None);
        let other = record.set_reason(index(7), "no worker is running").await.unwrap().unwrap();
        assert_eq!((other.reason.as_deref(), other.revision), (Some("no worker is running"), Revision::recorded(3)));
        let done = record.complete(index(7), &completion("13")).await.unwrap().unwrap();
        assert_eq!(done.reason, None);
    }
}
