//! Rejection and eviction of results.

use protocol::Notice;
use store::{Channel, EnqueueOutcome, EnqueueReason, IndexState, Message};

use crate::subject::{LEASE, Subject, index, indexes, next_message};

impl Subject {
    async fn record_result(&self, number: u32, bytes: usize, budget: u64) -> Vec<protocol::Index> {
        self.post(number, &"9".repeat(bytes)).await;
        self.mark_recorded(index(number), budget).await.unwrap()
    }
}

pub(crate) async fn rejecting_a_wrong_result_publishes_nothing_on_insert(board: &Subject) {
    board.submit(&[7]).await;
    let mut inserts = board.subscribe(&[Channel::Insert]).await.unwrap();
    board.post(7, "21").await;
    assert!(board.reject(index(7), "21").await.unwrap());
    assert!(!board.reject(index(7), "21").await.unwrap());
    assert_eq!(board.state(7).await, IndexState::Pending(None));
    assert_eq!(board.result(index(7)).await.unwrap(), None);
    board.submit(&[99]).await;
    assert_eq!(
        next_message(&mut inserts).await,
        Message::Insert("99".to_owned()),
        "`insert` was published for the rejected index"
    );
    assert_eq!(board.claim_as("w1").await.unwrap().lease.index, index(7));
}

pub(crate) async fn rejecting_does_not_affect_a_running_lease(board: &Subject) {
    board.post(7, "21").await;
    board.reject(index(7), "21").await.unwrap();
    let claim = board.claim_as("w1").await.unwrap();
    assert!(!board.reject(index(7), "21").await.unwrap());
    assert!(!board.reject(index(7), protocol::names::NOTHING_YET).await.unwrap());
    assert!(board.renew(&claim.lease, LEASE, 0.5).await.unwrap());
}

pub(crate) async fn a_result_that_has_changed_is_not_rejected(board: &Subject) {
    board.post(7, "21").await;
    board.post(7, "13").await;
    for other in ["21", "1", "130", ""] {
        assert!(!board.reject(index(7), other).await.unwrap(), "{other:?}");
    }
    assert!(!board.reject(index(8), "21").await.unwrap());
    assert_eq!(board.result(index(7)).await.unwrap().as_deref(), Some("13"));
    assert_eq!(board.state(8).await, IndexState::Absent);
}

pub(crate) async fn the_least_recently_used_results_are_evicted(board: &Subject) {
    for number in 1..=4 {
        assert_eq!(board.record_result(number, 100, 1_000).await, []);
    }
    board.result(index(1)).await.unwrap();
    assert_eq!(board.mark_recorded(index(2), 400).await.unwrap(), []);
    // By last use: 3, 4, 1, 2.
    assert_eq!(board.record_result(5, 100, 350).await, indexes(&[3, 4]));
    assert_eq!(board.state(3).await, IndexState::Absent);
    assert_eq!(board.state(1).await, IndexState::Result { bytes: 100, recorded: true });
    assert_eq!(board.mark_recorded(index(5), 100).await.unwrap(), indexes(&[1, 2]));
    assert_eq!(board.result(index(2)).await.unwrap(), None);
}

pub(crate) async fn only_recorded_results_are_evicted_but_never_the_latest(board: &Subject) {
    board.post(1, &"9".repeat(500)).await;
    assert_eq!(board.record_result(2, 100, 1_000).await, []);
    assert_eq!(board.record_result(3, 5_000, 50).await, indexes(&[2]));
    assert_eq!(board.state(1).await, IndexState::Result { bytes: 500, recorded: false });
    assert_eq!(board.state(3).await, IndexState::Result { bytes: 5_000, recorded: true });
    // The result that exceeded the budget is the first to be evicted.
    assert_eq!(board.record_result(4, 10, 1_000).await, indexes(&[3]));
}

pub(crate) async fn the_budget_accounts_for_replaced_results(board: &Subject) {
    board.record_result(1, 1_000, 10_000).await;
    board.post(1, "7").await;
    assert_eq!(board.mark_recorded(index(1), 10_000).await.unwrap(), []);
    assert_eq!(board.record_result(2, 900, 1_000).await, [], "1 no longer takes 1,000 bytes");
    assert!(board.reject(index(2), &"9".repeat(900)).await.unwrap());
    assert_eq!(board.record_result(3, 900, 1_000).await, [], "2 was rejected");
    // Without a result, nothing happens.
    assert_eq!(board.mark_recorded(index(2), 1_000).await.unwrap(), []);
    assert_eq!(board.mark_recorded(index(77), 1_000).await.unwrap(), []);
    assert_eq!(board.state(2).await, IndexState::Pending(None));
    assert_eq!(board.record_result(4, 200, 1_000).await, indexes(&[1, 3]));
}

pub(crate) async fn an_evicted_result_is_computed_again(board: &Subject) {
    board.record_result(1, 100, 1_000).await;
    assert_eq!(board.record_result(2, 100, 100).await, indexes(&[1]));
    assert_eq!(board.enqueue(index(1), EnqueueReason::Submission).await.unwrap(), EnqueueOutcome::Added);
    // An index on the pending list is never evicted.
    assert_eq!(board.record_result(3, 100, 0).await, indexes(&[2]));
    let mut events = board.subscribe(&[Channel::Events]).await.unwrap();
    let claim = board.claim_as("w1").await.unwrap();
    assert_eq!((claim.lease.index, claim.attempt), (index(1), 1));
    board.finish(&claim.lease, "1", 1).await.unwrap();
    assert!(matches!(next_message(&mut events).await, Message::Notice(Notice::Claimed { .. })));
    assert!(matches!(next_message(&mut events).await, Message::Notice(Notice::Finished { .. })));
    assert_eq!(board.result(index(1)).await.unwrap().as_deref(), Some("1"));
}

pub(crate) async fn eviction_keeps_the_most_recent_result(board: &Subject) {
    board.post(1, &"9".repeat(500)).await;
    for number in 2..=4 {
        board.record_result(number, 100, 1_000).await;
    }
    assert_eq!(board.evict(300).await.unwrap(), []);
    board.result(index(2)).await.unwrap();
    assert_eq!(board.evict(299).await.unwrap(), indexes(&[3]));
    assert_eq!(board.evict(0).await.unwrap(), indexes(&[4]));
    assert_eq!(board.state(2).await, IndexState::Result { bytes: 100, recorded: true });
    assert_eq!(board.state(1).await, IndexState::Result { bytes: 500, recorded: false });
}
