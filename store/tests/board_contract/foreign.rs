//! Foreign programs that set, publish and delete on the same Redis.

use protocol::IndexRange;
use store::{Channel, EnqueueReason, FinishOutcome, IndexState, Message, enqueue_unlisted};

use crate::subject::{LEASE, Subject, index, indexes, next_message, notice, worker};

impl Subject {
    /// Runs a Redis command and returns its output.
    fn foreign(&self, command: &[&str]) -> String {
        self.redis().execute(command).unwrap()
    }

    fn total(&self) -> i64 {
        self.foreign(&["HGET", "{values}:sizes", "total"]).parse().unwrap()
    }
}

#[tokio::test]
async fn indexes_left_pending_by_a_foreign_server_are_enqueued() {
    let board = Subject::on_redis();
    for (field, value) in [
        ("7", "Nothing yet!"),
        ("0", "Nothing yet!"),
        ("8", "21"),
        ("007", "1"),
        ("3abc", "NaN"),
        ("-5", "x"),
        ("1000001", "Nothing yet!"),
    ] {
        board.foreign(&["HSET", "values", field, value]);
    }
    let mut inserts = board.subscribe(&[Channel::Insert]).await.unwrap();
    assert_eq!(board.state(7).await, IndexState::Unlisted);
    assert_eq!(board.scan(0, 100).await.unwrap().ignored, 3);
    let allowed = IndexRange { lowest: index(1), highest: index(1_000_000) };
    assert_eq!(enqueue_unlisted(&*board, allowed).await.unwrap(), 1);
    assert_eq!(enqueue_unlisted(&*board, allowed).await.unwrap(), 0);
    assert_eq!(board.state(7).await, IndexState::Pending(None));
    for outside in [0, 1_000_001] {
        assert_eq!(board.state(outside).await, IndexState::Unlisted);
    }
    board.foreign(&["PUBLISH", "insert", "-5 or \"anything\""]);
    assert_eq!(next_message(&mut inserts).await, Message::Insert("-5 or \"anything\"".to_owned()));
    assert_eq!(board.claim_as("w1").await.unwrap().lease.index, index(7));
}

#[tokio::test]
async fn garbage_in_our_keys_does_not_stop_the_work() {
    let board = Subject::on_redis();
    board.submit(&[7, 8, 9, 70]).await;
    for claim in [
        "garbage",
        "{}",
        "[]",
        "null",
        "5",
        r#"{"token":5}"#,
        r#"{"token":"t","worker":"w","attempt":"x"}"#,
        r#"{"token":"t","worker":"w","attempt":-1.5,"announced_us":-1,"claimed_us":1e3,"progress":7}"#,
    ] {
        for number in ["7", "8", "9", "70"] {
            board.foreign(&["HSET", "{values}:claims", number, claim]);
        }
        board.foreign(&["HSET", "{values}:claims", "abc", claim]);
        board.foreign(&[
            "ZADD",
            "{values}:pending",
            "1",
            "abc",
            "2",
            "-5",
            "3",
            "007",
            "4",
            "99999999999",
            "5",
            "",
        ]);
        board.foreign(&["ZADD", "{values}:results", "1", "zzz"]);
        board.foreign(&["HSET", "{values}:sizes", "total", "abc", "zzz", "x", "7", "nan"]);
        assert!(board.check().await.is_ok());
        assert!(matches!(board.state(7).await, IndexState::Pending(_)), "{claim}");
        let claimed = board.claim_as("w1").await.unwrap();
        assert!(board.renew(&claimed.lease, LEASE, 0.5).await.unwrap(), "{claim}");
        board.finish(&claimed.lease, "13", 1).await.unwrap();
        board.mark_recorded(claimed.lease.index, 1_000).await.unwrap();
        board.foreign(&["HDEL", "values", &claimed.lease.index.to_string()]);
        board.submit(&[claimed.lease.index.get()]).await;
    }
    assert_eq!(board.pending_len().await.unwrap(), 4, "the members that are not indexes are gone");
}

#[tokio::test]
async fn an_index_is_due_although_the_clock_of_redis_was_set_back() {
    let board = Subject::on_redis();
    board.submit(&[7]).await;
    board.foreign(&["ZADD", "{values}:pending", "XX", "99999999999999", "7"]);
    let claim = board.claim_as("w1").await.unwrap();
    assert!(claim.announced_us <= claim.claimed_us, "{claim:?}");
    // A claim that was made in the future has certainly expired.
    let future = r#"{"attempt":1,"announced_us":1,"claimed_us":9007199254740991,"progress":0,"token":"t","worker":"w"}"#;
    board.foreign(&["HSET", "{values}:claims", "7", future]);
    board.foreign(&["ZADD", "{values}:pending", "XX", "99999999999999", "7"]);
    assert_eq!(board.claim_as("w2").await.unwrap().attempt, 2);
    assert_eq!(board.claim_as("w3").await, None, "the lease is held");
}

#[tokio::test]
async fn an_index_with_a_foreign_result_is_not_claimed() {
    let board = Subject::on_redis();
    let numbers: Vec<_> = (1..=250).collect();
    board.submit(&numbers).await;
    board.submit(&[999]).await;
    for number in &numbers {
        board.foreign(&["HSET", "values", &number.to_string(), "1"]);
    }
    assert_eq!(board.state(3).await, IndexState::Result { bytes: 1, recorded: false });
    assert_eq!(board.claim_as("w1").await.unwrap().lease.index, index(999));
    assert_eq!(board.pending_len().await.unwrap(), 1);
}

#[tokio::test]
async fn recording_a_foreign_result_takes_its_index_off_the_list() {
    let board = Subject::on_redis();
    board.submit(&[7]).await;
    let claim = board.claim_as("w1").await.unwrap();
    board.foreign(&["HSET", "values", "7", "13"]);
    assert_eq!(board.mark_recorded(index(7), 1_000).await.unwrap(), []);
    assert_eq!(board.pending_len().await.unwrap(), 0);
    assert!(!board.renew(&claim.lease, LEASE, 0.5).await.unwrap());
    assert_eq!(board.finish(&claim.lease, "13", 1).await.unwrap(), FinishOutcome::Duplicate);
}

#[tokio::test]
async fn our_correct_result_replaces_a_wrong_foreign_one() {
    let board = Subject::on_redis();
    board.submit(&[7]).await;
    let claim = board.claim_as("w1").await.unwrap();
    board.foreign(&["HSET", "values", "7", "21"]);
    assert!(board.renew(&claim.lease, LEASE, 0.5).await.unwrap());
    assert_eq!(board.finish(&claim.lease, "13", 1).await.unwrap(), FinishOutcome::First);
    assert!(!board.reject(index(7), "21").await.unwrap());
    assert_eq!(board.foreign(&["HGET", "values", "7"]), "13");
}

#[tokio::test]
async fn a_result_that_is_not_utf8_can_be_read_and_rejected() {
    let board = Subject::on_redis();
    board.foreign(&["EVAL", "redis.call('HSET', 'values', '7', '13\\255\\0')", "0"]);
    board.foreign(&["EVAL", "redis.call('HSET', 'values', '\\255', '1')", "0"]);
    board.foreign(&["HSET", "values", "8", ""]);
    assert_eq!(board.state(7).await, IndexState::Result { bytes: 4, recorded: false });
    assert_eq!(board.state(8).await, IndexState::Result { bytes: 0, recorded: false });
    assert_eq!(board.scan(0, 100).await.unwrap().ignored, 1);
    let read = board.result(index(7)).await.unwrap().unwrap();
    assert_eq!(read, "13\u{fffd}\0");
    assert!(board.reject(index(7), &read).await.unwrap());
    assert!(board.reject(index(8), "").await.unwrap());
    assert_eq!(board.foreign(&["HGET", "values", "7"]), "Nothing yet!");
    assert_eq!(board.pending_len().await.unwrap(), 2);
}

#[tokio::test]
async fn unknown_notices_are_skipped() {
    let board = Subject::on_redis();
    let mut events = board.subscribe(&[Channel::Events]).await.unwrap();
    for payload in ["no json", r#"{"type":"of a later version"}"#, "\u{1}"] {
        board.foreign(&["PUBLISH", "events", payload]);
    }
    board.publish(&crate::subject::marker(7)).await.unwrap();
    assert_eq!(notice(&mut events).await, crate::subject::marker(7));
}

#[tokio::test]
async fn flushing_redis_during_a_lease_loses_nothing() {
    let board = Subject::on_redis();
    board.submit(&[7, 8]).await;
    let claim = board.claim_as("w1").await.unwrap();
    board.foreign(&["FLUSHALL"]);
    board.foreign(&["SCRIPT", "FLUSH"]);
    assert!(!board.renew(&claim.lease, LEASE, 0.5).await.unwrap());
    assert_eq!(board.state(8).await, IndexState::Absent);
    board.enqueue(index(8), EnqueueReason::Sweep).await.unwrap();
    assert_eq!(board.finish(&claim.lease, "13", 1).await.unwrap(), FinishOutcome::First);
    assert_eq!(board.mark_recorded(index(7), 1_000).await.unwrap(), []);
    assert_eq!(board.total(), 2);
    let second = board.claim(&worker("w2"), LEASE).await.unwrap().unwrap();
    assert_eq!((second.lease.index, second.attempt), (index(8), 1));
}

#[tokio::test]
async fn deleting_some_keys_does_not_break_result_accounting() {
    let board = Subject::on_redis();
    let fill = async |numbers: std::ops::RangeInclusive<u32>| {
        for number in numbers {
            board.post(number, &"9".repeat(100)).await;
            board.mark_recorded(index(number), 10_000).await.unwrap();
        }
    };
    fill(1..=4).await;
    assert_eq!(board.total(), 400);
    // Deleted by another program, then submitted again.
    board.foreign(&["HDEL", "values", "1", "2"]);
    board.submit(&[1]).await;
    assert_eq!(board.total(), 300);
    assert_eq!(board.mark_recorded(index(4), 100).await.unwrap(), indexes(&[3]), "2 was already deleted");
    assert_eq!(board.total(), 100);
    assert_eq!(board.state(1).await, IndexState::Pending(None));
    for deleted in ["{values}:sizes", "{values}:results", "values"] {
        fill(10..=13).await;
        board.foreign(&["DEL", deleted]);
        fill(12..=15).await;
        board.mark_recorded(index(15), 0).await.unwrap();
        assert_eq!(board.total(), 100, "after {deleted} was deleted");
        fill(20..=22).await;
        board.mark_recorded(index(22), 0).await.unwrap();
        assert_eq!(board.total(), 100, "long after {deleted} was deleted");
    }
}
