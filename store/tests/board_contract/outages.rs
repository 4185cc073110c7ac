//! Outages of Redis: the same Board works again afterwards, without a restart.

use std::time::{Duration, Instant};

use store::{
    Board, BoardError, Channel, Deadlines, EnqueueReason, IndexState, Message, RedisBoard, RedisConfig,
};
use throwaway::{Redis, Relay};

use crate::subject::{HOUR, end, index, next_message, until, worker};

/// Short, to keep the tests fast, but long enough for a busy machine.
const DEADLINES: Deadlines = Deadlines {
    connect: Duration::from_millis(800),
    response: Duration::from_millis(800),
    heartbeat: Duration::from_millis(200),
};

fn board(port: u16) -> RedisBoard {
    RedisBoard::new(&RedisConfig { deadlines: DEADLINES, ..RedisConfig::new("127.0.0.1", port) }).unwrap()
}

async fn assert_unavailable(board: &RedisBoard) {
    let started = Instant::now();
    let answer = board.enqueue(index(7), EnqueueReason::Submission).await;
    assert!(matches!(answer, Err(BoardError::Unavailable(_))), "{answer:?}");
    // The deadlines add up to 1.6 s; a busy machine may need longer.
    assert!(started.elapsed() < Duration::from_secs(10), "it took {:?}", started.elapsed());
}

/// Waits until the Board responds and delivers messages again.
async fn assert_recovered(board: &RedisBoard) {
    until("the Board responds again", async || board.check().await.is_ok()).await;
    until("the Board delivers messages again", async || {
        let Ok(mut inserts) = board.subscribe(&[Channel::Insert]).await else { return false };
        board.enqueue(index(7), EnqueueReason::Submission).await.is_ok()
            && next_message(&mut inserts).await == Message::Insert("7".to_owned())
    })
    .await;
}

#[tokio::test]
async fn a_redis_that_is_down_at_start_is_used_once_it_is_up() {
    let mut redis = Redis::start().unwrap();
    redis.stop().unwrap();
    let board = board(redis.port());
    assert_unavailable(&board).await;
    assert!(matches!(board.subscribe(&[Channel::Insert]).await, Err(BoardError::Unavailable(_))));
    redis.restart().unwrap();
    assert_recovered(&board).await;
}

#[tokio::test]
async fn a_crashed_redis_is_used_again_after_its_restart() {
    let mut redis = Redis::start().unwrap();
    let board = board(redis.port());
    let subscription = board.subscribe(&[Channel::Events]).await.unwrap();
    board.enqueue(index(7), EnqueueReason::Submission).await.unwrap();
    redis.kill();
    assert_eq!(end(subscription).await, 0);
    assert_unavailable(&board).await;
    redis.restart().unwrap();
    assert_recovered(&board).await;
}

#[tokio::test]
async fn requests_to_a_frozen_redis_time_out_and_later_work_again() {
    let mut redis = Redis::start().unwrap();
    let board = board(redis.port());
    let subscription = board.subscribe(&[Channel::Events]).await.unwrap();
    // Fills the pool with connections that will all be dead.
    futures::future::join_all((0..8).map(|number| board.enqueue(index(number), EnqueueReason::Message)))
        .await;
    redis.pause();
    assert_unavailable(&board).await;
    assert_eq!(end(subscription).await, 0);
    redis.resume();
    assert_recovered(&board).await;
}

#[tokio::test]
async fn a_dead_connection_is_detected() {
    let redis = Redis::start().unwrap();
    let relay = Relay::to(redis.port()).unwrap();
    let board = board(relay.port());
    let subscription = board.subscribe(&[Channel::Insert]).await.unwrap();
    relay.hold();
    assert_eq!(end(subscription).await, 0);
    assert_unavailable(&board).await;
    relay.cut();
    relay.release();
    assert_recovered(&board).await;
}

#[tokio::test]
async fn a_claim_whose_reply_was_lost_does_not_count_as_an_attempt() {
    let redis = Redis::start().unwrap();
    let relay = Relay::to(redis.port()).unwrap();
    let (board, other) = (board(relay.port()), board(redis.port()));
    assert_eq!(board.claim(&worker("w1"), HOUR).await.unwrap(), None);
    other.enqueue(index(7), EnqueueReason::Message).await.unwrap();
    // Redis receives the claim, but runs it only when the reply can no longer be received.
    redis.execute(&["CLIENT", "PAUSE", "60000", "WRITE"]).unwrap();
    let name = worker("w1");
    let (claim, ()) = tokio::join!(board.claim(&name, HOUR), async {
        until("Redis has received the claim", async || {
            redis.execute(&["CLIENT", "LIST"]).unwrap().contains("flags=b")
        })
        .await;
        relay.lose();
    });
    assert!(claim.is_err(), "{claim:?}");
    redis.execute(&["CLIENT", "UNPAUSE"]).unwrap();
    until("the claim is granted", async || {
        let states = other.index_states(&[index(7)]).await.unwrap();
        matches!(&states[..], [IndexState::Pending(Some(claim))] if claim.attempt == 1)
    })
    .await;
    let mut claimed = None;
    until("the index is claimed", async || {
        claimed = board.claim(&worker("w1"), HOUR).await.ok().flatten();
        claimed.is_some()
    })
    .await;
    assert_eq!(claimed.map(|claim| (claim.lease.index, claim.attempt)), Some((index(7), 1)));
}

#[tokio::test]
async fn an_idle_subscription_stays_open() {
    let redis = Redis::start().unwrap();
    let board = board(redis.port());
    let mut inserts = board.subscribe(&[Channel::Insert]).await.unwrap();
    let pings = || -> u64 {
        let stats = redis.execute(&["INFO", "commandstats"]).unwrap();
        let ping = stats.lines().find_map(|line| line.strip_prefix("cmdstat_ping:calls=")).unwrap_or("0,");
        ping.split(',').next().unwrap().parse().unwrap()
    };
    until("some heartbeats passed", async || pings() >= 3).await;
    redis.execute(&["PUBLISH", "insert", "7"]).unwrap();
    assert_eq!(next_message(&mut inserts).await, Message::Insert("7".to_owned()));
}

#[tokio::test]
async fn dropping_a_subscription_closes_its_connection() {
    let redis = Redis::start().unwrap();
    let board = board(redis.port());
    let clients = || {
        redis
            .execute(&["CLIENT", "LIST", "TYPE", "pubsub"])
            .unwrap()
            .lines()
            .filter(|line| !line.is_empty())
            .count()
    };
    let subscription = board.subscribe(&[Channel::Insert]).await.unwrap();
    assert_eq!(clients(), 1);
    drop(subscription);
    until("its connection is closed", async || clients() == 0).await;
}
