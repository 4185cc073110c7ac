//! Ends of an attempt: a result, a failure, or an expired lease.

use std::time::Duration;

use protocol::{Notice, SHORT_DIGITS};
use store::{Channel, EnqueueOutcome, EnqueueReason, FailOutcome, FinishOutcome, IndexState};

use crate::subject::{HOUR, Subject, index, marker, notice, worker};

pub(crate) async fn failed_attempts_back_off_until_the_fifth_gives_the_index_up(board: &Subject) {
    let mut events = board.subscribe(&[Channel::Events]).await.unwrap();
    board.submit(&[7]).await;
    for (attempt, seconds) in [(1, 1), (2, 2), (3, 4), (4, 8)] {
        let claim = board.claim_as("w1").await.unwrap();
        assert_eq!(claim.attempt, attempt);
        let after = Duration::from_secs(seconds);
        assert_eq!(
            board.fail(&claim.lease, "out of memory", false).await.unwrap(),
            FailOutcome::Retry { after }
        );
        assert_eq!(board.claim_as("w2").await, None, "claimed before it was due");
        assert_eq!(board.state(7).await, IndexState::Pending(None));
        assert_eq!(board.fail(&claim.lease, "twice", false).await.unwrap(), FailOutcome::Lost);
        assert!(matches!(notice(&mut events).await, Notice::Claimed { .. }));
        board.an_hour_passes();
    }
    let fifth = board.claim_as("w1").await.unwrap();
    assert_eq!(fifth.attempt, 5);
    assert_eq!(board.fail(&fifth.lease, "out of memory", false).await.unwrap(), FailOutcome::GivenUp);
    assert!(matches!(notice(&mut events).await, Notice::Claimed { attempt: 5, .. }));
    let reason = "out of memory".to_owned();
    assert_eq!(notice(&mut events).await, Notice::GivenUp { index: index(7), reason: reason.clone() });
    assert_eq!(board.state(7).await, IndexState::GivenUp { reason });
    assert_eq!(board.pending_len().await.unwrap(), 0);
    for reason in [EnqueueReason::Message, EnqueueReason::Sweep] {
        assert_eq!(board.enqueue(index(7), reason).await.unwrap(), EnqueueOutcome::GivenUp);
    }
}

pub(crate) async fn a_final_failure_gives_the_index_up_at_once(board: &Subject) {
    board.submit(&[7]).await;
    let claim = board.claim_as("w1").await.unwrap();
    assert_eq!(board.fail(&claim.lease, "too high", true).await.unwrap(), FailOutcome::GivenUp);
    assert_eq!(board.state(7).await, IndexState::GivenUp { reason: "too high".to_owned() });
    board.an_hour_passes();
    assert_eq!(board.claim_as("w1").await, None);
}

pub(crate) async fn resubmitting_a_failed_index_resets_its_attempts(board: &Subject) {
    board.submit(&[7]).await;
    let claim = board.claim_as("w1").await.unwrap();
    board.fail(&claim.lease, "no", false).await.unwrap();
    board.an_hour_passes();
    let claim = board.claim_as("w1").await.unwrap();
    assert_eq!(claim.attempt, 2);
    board.fail(&claim.lease, "no", true).await.unwrap();
    assert_eq!(board.enqueue(index(7), EnqueueReason::Submission).await.unwrap(), EnqueueOutcome::Added);
    assert_eq!(board.state(7).await, IndexState::Pending(None));
    let again = board.claim_as("w1").await.unwrap();
    assert_eq!(again.attempt, 1);
    assert!(again.announced_us > claim.claimed_us);
}

pub(crate) async fn an_index_is_given_up_after_five_expired_leases(board: &Subject) {
    let mut events = board.subscribe(&[Channel::Events]).await.unwrap();
    board.submit(&[7]).await;
    for attempt in 1..=5 {
        let claim = board.claim_as(&format!("w{attempt}")).await.unwrap();
        assert_eq!(claim.attempt, attempt);
        assert!(matches!(notice(&mut events).await, Notice::Claimed { .. }));
        board.an_hour_passes();
    }
    // Indexes behind it are not blocked.
    board.submit(&[8]).await;
    assert_eq!(board.claim_as("w6").await.unwrap().lease.index, index(8));
    let reason = "given up after 5 attempts: worker w5 stopped responding".to_owned();
    assert_eq!(notice(&mut events).await, Notice::GivenUp { index: index(7), reason: reason.clone() });
    assert_eq!(board.state(7).await, IndexState::GivenUp { reason });
}

pub(crate) async fn attempts_of_workers_that_were_only_cut_off_do_not_count(board: &Subject) {
    board.submit(&[7]).await;
    let mut cut_off = board.claim_as("w0").await.unwrap();
    // More often than the maximum number of attempts. The workers report back by a renewal or, when they stop, a
    // release.
    for round in 1..=8 {
        board.an_hour_passes();
        let next = board.claim_as(&format!("w{round}")).await.unwrap();
        assert_eq!(next.attempt, 2, "round {round}");
        let still_held = match round % 2 {
            0 => board.renew(&cut_off.lease, HOUR, 0.5).await.unwrap(),
            _ => board.release(&cut_off.lease, Duration::ZERO).await.unwrap(),
        };
        assert!(!still_held);
        // Once per attempt.
        assert!(!board.renew(&cut_off.lease, HOUR, 0.5).await.unwrap());
        let IndexState::Pending(Some(seen)) = board.state(7).await else { panic!("expected a claim") };
        assert_eq!((seen.worker, seen.attempt), (worker(&format!("w{round}")), 1));
        cut_off = next;
    }
    // Failures count as before.
    assert_eq!(
        board.fail(&cut_off.lease, "no", false).await.unwrap(),
        FailOutcome::Retry { after: Duration::from_secs(1) }
    );
    board.an_hour_passes();
    assert_eq!(board.claim_as("w9").await.unwrap().attempt, 2);
}

pub(crate) async fn a_worker_that_returns_after_the_index_was_given_up_may_finish(board: &Subject) {
    board.submit(&[7]).await;
    let mut last = None;
    for attempt in 1..=5 {
        last = board.claim_as(&format!("w{attempt}")).await;
        board.an_hour_passes();
    }
    assert_eq!(board.claim_as("w6").await, None);
    assert!(matches!(board.state(7).await, IndexState::GivenUp { .. }));
    let lease = last.unwrap().lease;
    assert!(board.renew(&lease, HOUR, 0.5).await.unwrap(), "the worker would stop computing");
    assert_eq!(board.finish(&lease, "13", 1).await.unwrap(), FinishOutcome::First);
    assert_eq!(board.state(7).await, IndexState::Result { bytes: 2, recorded: false });
}

pub(crate) async fn a_result_is_published_exactly_once(board: &Subject) {
    let mut events = board.subscribe(&[Channel::Events]).await.unwrap();
    board.submit(&[7]).await;
    let claim = board.claim_as("w1").await.unwrap();
    assert_eq!(board.finish(&claim.lease, "13", 42).await.unwrap(), FinishOutcome::First);
    assert_eq!(board.finish(&claim.lease, "13", 43).await.unwrap(), FinishOutcome::Duplicate);
    board.publish(&marker(7)).await.unwrap();
    assert!(matches!(notice(&mut events).await, Notice::Claimed { .. }));
    match notice(&mut events).await {
        Notice::Finished {
            index: number,
            worker: by,
            announced_us,
            claimed_us,
            computed_us,
            posted_us,
            value,
        } => {
            assert_eq!((number, by, value.as_deref()), (index(7), worker("w1"), Some("13")));
            assert_eq!((announced_us, claimed_us), (Some(claim.announced_us), Some(claim.claimed_us)));
            assert_eq!(computed_us, 42);
            assert!(posted_us > claim.claimed_us);
        }
        other => panic!("expected the result, got {other:?}"),
    }
    assert_eq!(notice(&mut events).await, marker(7));
    assert_eq!(board.result(index(7)).await.unwrap().as_deref(), Some("13"));
    assert_eq!(board.pending_len().await.unwrap(), 0);
}

pub(crate) async fn a_result_is_accepted_after_the_lease_was_lost(board: &Subject) {
    board.submit(&[7]).await;
    let slow = board.claim_as("slow").await.unwrap();
    board.an_hour_passes();
    let second = board.claim_as("second").await.unwrap();
    let mut events = board.subscribe(&[Channel::Events]).await.unwrap();
    assert_eq!(board.finish(&slow.lease, "13", 1).await.unwrap(), FinishOutcome::First);
    assert_eq!(board.finish(&second.lease, "13", 2).await.unwrap(), FinishOutcome::Duplicate);
    board.publish(&marker(7)).await.unwrap();
    match notice(&mut events).await {
        Notice::Finished { worker: by, announced_us: None, claimed_us: None, .. } => {
            assert_eq!(by, worker("slow"));
        }
        other => panic!("expected the slow worker's result without times, got {other:?}"),
    }
    assert_eq!(notice(&mut events).await, marker(7));
}

pub(crate) async fn a_result_is_accepted_without_a_claim(board: &Subject) {
    board.post(7, "13").await;
    assert_eq!(board.state(7).await, IndexState::Result { bytes: 2, recorded: false });
    assert_eq!(board.enqueue(index(7), EnqueueReason::Sweep).await.unwrap(), EnqueueOutcome::AlreadyDone);
}

pub(crate) async fn a_result_replaces_a_failure(board: &Subject) {
    board.submit(&[7]).await;
    let claim = board.claim_as("w1").await.unwrap();
    board.fail(&claim.lease, "no", true).await.unwrap();
    board.post(7, "13").await;
    assert!(board.reject(index(7), "13").await.unwrap());
    assert_eq!(board.state(7).await, IndexState::Pending(None));
    assert_eq!(board.claim_as("w1").await.unwrap().attempt, 1);
}

pub(crate) async fn a_notice_contains_short_values_only(board: &Subject) {
    let mut events = board.subscribe(&[Channel::Events]).await.unwrap();
    for (number, digits) in [(1, SHORT_DIGITS), (2, SHORT_DIGITS + 1), (3, 300_000)] {
        let posted = "7".repeat(digits);
        board.submit(&[number]).await;
        let claim = board.claim_as("w1").await.unwrap();
        board.finish(&claim.lease, &posted, 1).await.unwrap();
        assert!(matches!(notice(&mut events).await, Notice::Claimed { .. }));
        match notice(&mut events).await {
            Notice::Finished { value, .. } => assert_eq!(value.is_some(), digits <= SHORT_DIGITS, "{digits}"),
            other => panic!("expected the result, got {other:?}"),
        }
        assert_eq!(board.state(number).await, IndexState::Result { bytes: digits as u64, recorded: false });
        assert!(
            board.result(index(number)).await.unwrap() == Some(posted),
            "a value of {digits} digits was changed"
        );
    }
}

pub(crate) async fn a_value_may_be_any_text(board: &Subject) {
    let mut events = board.subscribe(&[Channel::Events]).await.unwrap();
    // 667 of these characters are exactly 1,000 bytes, the limit for a notice.
    for (number, characters, sent) in [(1, 10, true), (2, 667, true), (3, 668, false), (4, 5_000, false)] {
        let posted: String = "é\"\\💥%s/\n".chars().cycle().take(characters).collect();
        let bytes = posted.len() as u64;
        assert_eq!(posted.len() <= SHORT_DIGITS, sent, "{bytes} bytes");
        board.submit(&[number]).await;
        let claim = board.claim_as("w1").await.unwrap();
        board.finish(&claim.lease, &posted, 1).await.unwrap();
        assert!(matches!(notice(&mut events).await, Notice::Claimed { .. }));
        match notice(&mut events).await {
            Notice::Finished { value, .. } => assert_eq!(value, sent.then(|| posted.clone())),
            other => panic!("expected the result, got {other:?}"),
        }
        assert_eq!(board.state(number).await, IndexState::Result { bytes, recorded: false });
        assert_eq!(board.result(index(number)).await.unwrap().as_ref(), Some(&posted));
        // The budget is in bytes, so this value just fits and the one before is evicted.
        let before: Vec<_> = (number > 1).then(|| index(number - 1)).into_iter().collect();
        assert_eq!(board.mark_recorded(index(number), bytes).await.unwrap(), before);
    }
    let last = board.result(index(4)).await.unwrap().unwrap();
    assert!(board.reject(index(4), &last).await.unwrap());
    assert_eq!(board.state(4).await, IndexState::Pending(None));
}

pub(crate) async fn worker_names_and_reasons_may_be_any_text(board: &Subject) {
    let text = "a \"b\" \\c\\ /d/ |e| {worker} %1 %s\n\tü 💥";
    let mut events = board.subscribe(&[Channel::Events]).await.unwrap();
    board.submit(&[7]).await;
    let claim = board.claim_as(text).await.unwrap();
    assert!(board.renew(&claim.lease, Duration::from_secs(9), 1.0 / 3.0).await.unwrap());
    let IndexState::Pending(Some(seen)) = board.state(7).await else { panic!("expected a claim") };
    assert_eq!((seen.worker, seen.progress), (worker(text), 1.0 / 3.0));
    board.fail(&claim.lease, text, true).await.unwrap();
    assert_eq!(board.state(7).await, IndexState::GivenUp { reason: text.to_owned() });
    // Control characters in a name are replaced.
    let name = worker(text).to_string();
    for expected in [("Claimed", name.as_str()), ("Progress", &name), ("GivenUp", text)] {
        let notice = notice(&mut events).await;
        let (kind, received) = match notice {
            Notice::Claimed { worker, .. } => ("Claimed", worker.to_string()),
            Notice::Progress { worker, .. } => ("Progress", worker.to_string()),
            Notice::GivenUp { reason, .. } => ("GivenUp", reason),
            other => panic!("{other:?}"),
        };
        assert_eq!((kind, received.as_str()), expected);
    }
}
