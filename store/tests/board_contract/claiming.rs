//! Leases.

use std::{collections::BTreeSet, time::Duration};

use futures::future::join_all;
use protocol::Notice;
use store::{Channel, FailOutcome, IndexState, Message};

use crate::subject::{HOUR, LEASE, Subject, index, indexes, next_message, notice, until, worker};

pub(crate) async fn indexes_are_claimed_in_the_order_of_enqueuing(board: &Subject) {
    board.submit(&[50, 3, 9, 20]).await;
    board.submit(&[9]).await;
    for expected in [50, 3, 9, 20] {
        let claim = board.claim_as("w1").await.unwrap();
        assert_eq!((claim.lease.index.get(), claim.attempt), (expected, 1));
    }
    assert_eq!(board.claim_as("w1").await, None);
    assert_eq!(board.pending_len().await.unwrap(), 4);
}

pub(crate) async fn a_claim_up_to_an_index_passes_over_higher_ones(board: &Subject) {
    board.submit(&[50, 9, 8, 60]).await;
    let claim_up_to = async |highest| {
        let claim = board.claim_up_to(index(highest), &worker("w1"), LEASE).await.unwrap();
        claim.map(|claim| claim.lease.index.get())
    };
    assert_eq!(claim_up_to(9).await, Some(9));
    assert_eq!(claim_up_to(9).await, Some(8));
    assert_eq!(claim_up_to(49).await, None);
    assert_eq!(claim_up_to(50).await, Some(50));
    assert_eq!(board.claim_as("w1").await.map(|claim| claim.lease.index.get()), Some(60));
}

pub(crate) async fn a_claim_contains_its_times_and_is_published(board: &Subject) {
    let mut events = board.subscribe(&[Channel::Events]).await.unwrap();
    let before = store::now_us();
    board.submit(&[7]).await;
    let claim = board.claim_as("w1").await.unwrap();
    let after = store::now_us();
    // Redis reads this machine's clock too, and rounds down to the µs.
    assert!(before - 1 <= claim.announced_us && claim.announced_us < claim.claimed_us, "{claim:?}");
    assert!(claim.claimed_us <= after + 1, "{claim:?} {after}");
    let claimed = Notice::Claimed {
        index: index(7),
        worker: worker("w1"),
        attempt: 1,
        announced_us: claim.announced_us,
        claimed_us: claim.claimed_us,
    };
    assert_eq!(notice(&mut events).await, claimed);
}

pub(crate) async fn concurrent_claims_get_distinct_indexes(board: &Subject) {
    let numbers: Vec<_> = (1..=20).collect();
    board.submit(&numbers).await;
    let names = ["w1", "w2", "w3", "w4"].map(worker);
    let claimers = names.iter().map(async |worker| {
        let mut claimed = Vec::new();
        while let Some(claim) = board.claim(worker, LEASE).await.unwrap() {
            claimed.push(claim.lease);
        }
        claimed
    });
    let claimed: Vec<_> = join_all(claimers).await.concat();
    assert_eq!(claimed.len(), numbers.len());
    let distinct: BTreeSet<_> = claimed.iter().map(|lease| lease.index).collect();
    assert_eq!(distinct.into_iter().collect::<Vec<_>>(), indexes(&numbers));
    let tokens: BTreeSet<_> = claimed.iter().map(|lease| &lease.token).collect();
    assert_eq!(tokens.len(), numbers.len());
}

pub(crate) async fn an_index_whose_worker_died_is_claimed_by_another(board: &Subject) {
    board.submit(&[7]).await;
    let first = board.claim(&worker("dies"), Duration::from_millis(30)).await.unwrap().unwrap();
    let mut second = None;
    until("the lease expired", async || {
        if second.is_none() {
            second = board.claim_as("w2").await;
        }
        second.is_some()
    })
    .await;
    let second = second.unwrap();
    assert_eq!((second.lease.index, second.attempt), (index(7), 2));
    assert_eq!(second.announced_us, first.announced_us);
    assert!(second.claimed_us >= first.claimed_us + 30_000, "{first:?} {second:?}");
    assert_ne!(second.lease.token, first.lease.token);
}

pub(crate) async fn a_renewed_lease_does_not_expire(board: &Subject) {
    let mut events = board.subscribe(&[Channel::Events]).await.unwrap();
    board.submit(&[7]).await;
    let claim = board.claim(&worker("w1"), HOUR / 2).await.unwrap().unwrap();
    assert!(board.renew(&claim.lease, 2 * HOUR, 0.25).await.unwrap());
    board.an_hour_passes();
    assert_eq!(board.claim_as("w2").await, None);
    let IndexState::Pending(Some(seen)) = board.state(7).await else { panic!("expected a claim") };
    assert_eq!((seen.worker.as_str(), seen.attempt, seen.progress), ("w1", 1, 0.25));
    assert_eq!((seen.announced_us, seen.claimed_us), (claim.announced_us, claim.claimed_us));
    assert!(matches!(notice(&mut events).await, Notice::Claimed { .. }));
    let progress = Notice::Progress { index: index(7), worker: worker("w1"), attempt: 1, progress: 0.25 };
    assert_eq!(notice(&mut events).await, progress);
    // Without the renewal, the lease would have expired before this. Now it does.
    board.an_hour_passes();
    assert_eq!(board.state(7).await, IndexState::Pending(None));
    assert_eq!(board.claim_as("w2").await.unwrap().attempt, 2);
}

pub(crate) async fn a_worker_that_lost_its_lease_changes_nothing(board: &Subject) {
    board.submit(&[7]).await;
    let lost = board.claim_as("w1").await.unwrap().lease;
    board.an_hour_passes();
    let held = board.claim_as("w2").await.unwrap().lease;
    assert!(!board.renew(&lost, HOUR, 0.5).await.unwrap());
    assert!(!board.release(&lost, Duration::ZERO).await.unwrap());
    assert_eq!(board.fail(&lost, "no", true).await.unwrap(), FailOutcome::Lost);
    let IndexState::Pending(Some(seen)) = board.state(7).await else { panic!("expected a claim") };
    // The first worker is alive, so its expired lease is no failed attempt.
    assert_eq!((seen.worker.as_str(), seen.attempt, seen.progress), ("w2", 1, 0.0));
    assert!(board.renew(&held, HOUR, 0.5).await.unwrap());
    board.finish(&held, "13", 1).await.unwrap();
    assert!(!board.renew(&held, HOUR, 0.5).await.unwrap());
    assert!(!board.release(&held, Duration::ZERO).await.unwrap());
    assert_eq!(board.fail(&held, "no", true).await.unwrap(), FailOutcome::Lost);
    assert_eq!(board.state(7).await, IndexState::Result { bytes: 2, recorded: false });
}

pub(crate) async fn a_released_claim_is_not_counted_and_wakes_workers(board: &Subject) {
    let mut inserts = board.subscribe(&[Channel::Insert]).await.unwrap();
    board.submit(&[7]).await;
    assert_eq!(next_message(&mut inserts).await, Message::Insert("7".to_owned()));
    // More often than the maximum number of attempts.
    let mut announced_us = None;
    for _ in 0..7 {
        let claim = board.claim_as("w1").await.unwrap();
        assert_eq!(claim.attempt, 1);
        assert_eq!(claim.announced_us, *announced_us.get_or_insert(claim.announced_us));
        assert!(board.release(&claim.lease, Duration::ZERO).await.unwrap());
        assert!(!board.release(&claim.lease, Duration::ZERO).await.unwrap());
        assert_eq!(next_message(&mut inserts).await, Message::Insert("7".to_owned()));
        assert_eq!(board.state(7).await, IndexState::Pending(None));
    }
}

pub(crate) async fn a_claim_released_with_a_wait_is_not_counted_either(board: &Subject) {
    let mut inserts = board.subscribe(&[Channel::Insert]).await.unwrap();
    board.submit(&[7]).await;
    for _ in 0..7 {
        let claim = board.claim_as("w1").await.unwrap();
        assert_eq!(claim.attempt, 1);
        assert!(board.release(&claim.lease, HOUR / 2).await.unwrap());
        assert_eq!(board.claim_as("w1").await, None, "claimed before it was due");
        board.an_hour_passes();
    }
    board.submit(&[8]).await;
    for expected in ["7", "8"] {
        assert_eq!(next_message(&mut inserts).await, Message::Insert(expected.to_owned()));
    }
}
