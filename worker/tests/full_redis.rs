//! A worker on a Redis without room for its result.

// clippy knows tests by their attribute, and these helpers have none.
#![allow(clippy::unwrap_used)]

use std::{sync::Arc, time::Duration};

use protocol::Index;
use store::{Board, EnqueueReason, IndexState, RedisBoard, RedisConfig};
use throwaway::Redis;
use worker::{Step, Worker, WorkerSettings};

/// Size of a value that fits into Redis, but not together with the foreign data.
const VALUE_BYTES: usize = 600_000;

async fn state(board: &RedisBoard, index: Index) -> IndexState {
    board.index_states(&[index]).await.unwrap().remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_without_room_costs_no_attempt_and_blocks_no_other_index() {
    let redis = Redis::start().unwrap();
    let run = |command: &[&str]| redis.execute(command).unwrap();
    let board = Arc::new(RedisBoard::new(&RedisConfig::new(redis.host(), redis.port())).unwrap());
    let compute =
        |number: u32, _: job::Progress<'_>| Ok("9".repeat(if number == 1 { VALUE_BYTES } else { 2 }));
    let settings = WorkerSettings { lease_ms: 900, ..WorkerSettings::default() };
    let worker = Worker::new(board.clone(), compute, settings);
    let (large, small) = (Index::try_from(1).unwrap(), Index::try_from(2).unwrap());
    for index in [large, small] {
        board.enqueue(index, EnqueueReason::Submission).await.unwrap();
    }
    run(&["CONFIG", "SET", "maxmemory", "4mb"]);
    let fill = "local reply = redis.pcall('RPUSH', 'foreign', string.rep('x', 10000)) \
                return type(reply) == 'table' and reply.err or 'ok'";
    while run(&["EVAL", fill, "0"]).trim() == "ok" {}

    for _ in 0..2 {
        assert_eq!(worker.step().await.unwrap(), Step::Unposted(large));
        assert_eq!(state(&board, large).await, IndexState::Pending(None));
        // Due only after a while, so others come first.
        let due = worker.step().await.unwrap();
        assert!(matches!(due, Step::Idle) || due == Step::Done(small), "{due:?}");
        // A script may write although memory is full, once it has deleted something.
        let due = "redis.call('HDEL', KEYS[1], '') redis.call('ZADD', KEYS[2], 'XX', 0, '1')";
        run(&["EVAL", due, "2", "{values}:claims", "{values}:pending"]);
    }
    assert!(matches!(state(&board, small).await, IndexState::Result { .. }));
    assert!(worker.health().await.unwrap_err().to_string().contains("raise maxmemory"));
    run(&["DEL", "foreign"]);
    let claim = board.claim(worker.id(), Duration::from_secs(60)).await.unwrap().unwrap();
    assert_eq!((claim.lease.index, claim.attempt), (large, 1));
    board.release(&claim.lease, Duration::ZERO).await.unwrap();
    assert_eq!(worker.step().await.unwrap(), Step::Done(large));
    assert_eq!(state(&board, large).await, IndexState::Result { bytes: VALUE_BYTES as u64, recorded: false });
}
