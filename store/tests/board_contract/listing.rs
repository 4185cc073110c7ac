//! Enqueuing, index states and scans.

use std::collections::BTreeSet;

use store::{BoardHealth, Channel, EnqueueOutcome, EnqueueReason, IndexState, Message};

use crate::subject::{Subject, index, indexes, next_message};

pub(crate) async fn an_index_is_added_once(board: &Subject) {
    assert_eq!(board.state(7).await, IndexState::Absent);
    assert_eq!(board.enqueue(index(7), EnqueueReason::Message).await.unwrap(), EnqueueOutcome::Added);
    for reason in [EnqueueReason::Submission, EnqueueReason::Sweep, EnqueueReason::Message] {
        assert_eq!(
            board.enqueue(index(7), reason).await.unwrap(),
            EnqueueOutcome::AlreadyPending,
            "{reason:?}"
        );
    }
    assert_eq!(board.state(7).await, IndexState::Pending(None));
    assert_eq!(board.pending_len().await.unwrap(), 1);
    assert_eq!(board.result(index(7)).await.unwrap(), None);
    assert_eq!(board.check().await, BoardHealth::default());
}

pub(crate) async fn insert_is_published_only_for_new_work(board: &Subject) {
    let mut inserts = board.subscribe(&[Channel::Insert]).await.unwrap();
    for (number, reason) in [
        (1, EnqueueReason::Message),
        (1, EnqueueReason::Submission), // publishes 1
        (1, EnqueueReason::Sweep),
        (2, EnqueueReason::Sweep), // publishes 2
        (2, EnqueueReason::Sweep),
        (2, EnqueueReason::Submission), // publishes 2
    ] {
        board.enqueue(index(number), reason).await.unwrap();
    }
    board.submit(&[99]).await;
    for expected in ["1", "2", "2", "99"] {
        assert_eq!(next_message(&mut inserts).await, Message::Insert(expected.to_owned()));
    }
}

pub(crate) async fn a_late_message_does_not_enqueue_a_finished_index(board: &Subject) {
    board.submit(&[7]).await;
    let claim = board.claim_as("w1").await.unwrap();
    board.finish(&claim.lease, "13", 1).await.unwrap();
    for _worker in 0..4 {
        assert_eq!(
            board.enqueue(index(7), EnqueueReason::Message).await.unwrap(),
            EnqueueOutcome::AlreadyDone
        );
    }
    assert_eq!(
        board.enqueue(index(7), EnqueueReason::Submission).await.unwrap(),
        EnqueueOutcome::AlreadyDone
    );
    assert_eq!(board.claim_as("w2").await, None);
    assert_eq!(board.state(7).await, IndexState::Result { bytes: 2, recorded: false });
    assert_eq!(board.pending_len().await.unwrap(), 0);
}

pub(crate) async fn index_states_are_returned_in_the_order_requested(board: &Subject) {
    board.submit(&[1]).await;
    let given_up = board.claim_as("w1").await.unwrap();
    board.fail(&given_up.lease, "no", true).await.unwrap();
    board.submit(&[2]).await;
    let computing = board.claim_as("w1").await.unwrap();
    board.submit(&[3]).await;
    board.post(4, "3").await;
    let mut requested = vec![index(5); 2_500];
    requested[0] = index(4);
    requested[999] = index(3);
    requested[1_000] = index(2);
    requested[2_499] = index(1);
    let seen = board.index_states(&requested).await.unwrap();
    assert_eq!(seen.len(), requested.len());
    assert_eq!(seen[0], IndexState::Result { bytes: 1, recorded: false });
    assert_eq!(seen[999], IndexState::Pending(None));
    let IndexState::Pending(Some(claim)) = &seen[1_000] else { panic!("{:?}", seen[1_000]) };
    assert_eq!((&claim.worker, claim.attempt, claim.progress), (&computing.lease.worker, 1, 0.0));
    assert_eq!((claim.announced_us, claim.claimed_us), (computing.announced_us, computing.claimed_us));
    assert_eq!(seen[2_499], IndexState::GivenUp { reason: "no".to_owned() });
    assert_eq!(seen.iter().filter(|state| **state == IndexState::Absent).count(), 2_496);
    assert_eq!(board.index_states(&[]).await.unwrap(), []);
}

pub(crate) async fn a_scan_returns_every_field(board: &Subject) {
    let numbers: Vec<_> = (0..300).collect();
    board.submit(&numbers).await;
    for number in 300..320 {
        board.post(number, &"8".repeat(20_000)).await;
    }
    let (mut found, mut pages, mut cursor) = (BTreeSet::new(), 0, 0);
    loop {
        let page = board.scan(cursor, 50).await.unwrap();
        assert_eq!(page.ignored, 0);
        assert!(page.indexes.len() <= 100, "a page of {} for 50", page.indexes.len());
        found.extend(page.indexes);
        pages += 1;
        match page.next {
            Some(next) => cursor = next,
            None => break,
        }
    }
    let all: Vec<_> = (0..320).collect();
    assert_eq!(found.into_iter().collect::<Vec<_>>(), indexes(&all));
    assert!(pages > 1);
}
