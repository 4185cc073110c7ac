//! A Redis without enough memory or permissions, or that refuses writes. The check names the cause, and the
//! Board recovers by itself once it is gone.

use std::{
    net::TcpStream,
    time::{Duration, Instant},
};

use store::{
    Board, BoardError, BoardHealth, Channel, Deadlines, EnqueueOutcome, EnqueueReason, FinishOutcome,
    IndexState, Lease, RedisBoard, RedisConfig,
};
use throwaway::{Redis, Relay, redis::Options};

use crate::subject::{LEASE, index, next_message, until, worker};

/// Password of the user in these tests.
const PASSWORD: &str = "secret-of-the-test";
/// A budget that a small Redis cannot hold.
const BUDGET: u64 = 64 << 20;

struct Limited {
    redis: Redis,
    board: RedisBoard,
}

impl Limited {
    fn start() -> Self {
        let redis = Redis::start().unwrap();
        let board = RedisBoard::new(&RedisConfig::new(redis.host(), redis.port())).unwrap();
        Self { redis, board }
    }

    /// Starts a Redis and connects as a user with these rules.
    fn with_rules(rules: &str) -> Self {
        let redis = Redis::start().unwrap();
        let config = RedisConfig {
            username: Some("limited".to_owned()),
            password: Some(PASSWORD.to_owned()),
            ..RedisConfig::new(redis.host(), redis.port())
        };
        let limited = Self { board: RedisBoard::new(&config).unwrap(), redis };
        limited.set_rules(rules);
        limited
    }

    fn set_rules(&self, rules: &str) {
        let password = format!(">{PASSWORD}");
        let mut command = vec!["ACL", "SETUSER", "limited", "reset", "on", &password];
        command.extend(rules.split_whitespace());
        self.run(&command);
    }

    fn run(&self, command: &[&str]) -> String {
        self.redis.execute(command).unwrap()
    }

    fn set(&self, setting: &str, value: &str) {
        self.run(&["CONFIG", "SET", setting, value]);
    }

    /// Waits until the check finds exactly these faults.
    async fn reasons(&self, expected: &[&str]) {
        self.health(&format!("{expected:?}"), |health| health.reasons() == expected).await;
    }

    async fn health(&self, what: &str, wanted: impl Fn(&BoardHealth) -> bool) {
        let mut last = BoardHealth::default();
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline {
            last = self.board.check().await;
            if wanted(&last) {
                assert!(!last.to_string().contains(PASSWORD), "{last:?}");
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("expected {what}, got {last:?}");
    }

    async fn post(&self, number: u32, bytes: usize) -> Result<FinishOutcome, BoardError> {
        let lease = Lease { index: index(number), worker: worker("w"), token: "none".to_owned() };
        self.board.finish(&lease, &"9".repeat(bytes), 1).await
    }

    async fn record(&self, number: u32, bytes: usize) {
        assert_eq!(self.post(number, bytes).await.unwrap(), FinishOutcome::First, "{number}");
        self.board.mark_recorded(index(number), BUDGET).await.unwrap();
    }

    async fn state(&self, number: u32) -> IndexState {
        self.board.index_states(&[index(number)]).await.unwrap().remove(0)
    }

    /// Computes an index from its submission to its result.
    async fn work(&self, number: u32) {
        assert_eq!(
            self.board.enqueue(index(number), EnqueueReason::Submission).await.unwrap(),
            EnqueueOutcome::Added
        );
        let claim = self.board.claim(&worker("w"), LEASE).await.unwrap().unwrap();
        assert_eq!((claim.lease.index, claim.attempt), (index(number), 1));
        assert!(self.board.renew(&claim.lease, LEASE, 0.5).await.unwrap());
        assert_eq!(self.board.finish(&claim.lease, "13", 1).await.unwrap(), FinishOutcome::First);
        self.board.mark_recorded(index(number), BUDGET).await.unwrap();
        assert_eq!(self.board.result(index(number)).await.unwrap().as_deref(), Some("13"));
    }

    fn fill_with_foreign_data(&self) {
        // A script may exceed the limit once it has written, so one call per element.
        let one = "local reply = redis.pcall('RPUSH', 'foreign', string.rep('x', 10000)) \
                   return type(reply) == 'table' and reply.err or 'ok'";
        while self.run(&["EVAL", one, "0"]).trim() == "ok" {}
    }
}

#[tokio::test]
async fn results_of_a_small_redis_are_kept_within_half_its_memory() {
    let limited = Limited::start();
    limited.set("maxmemory", "6mb");
    for number in 1..=40 {
        limited.record(number, 200_000).await;
    }
    let total: u64 = limited.run(&["HGET", "{values}:sizes", "total"]).parse().unwrap();
    assert!((1_500_000..3_000_000).contains(&total), "{total}");
    assert_eq!(limited.state(40).await, IndexState::Result { bytes: 200_000, recorded: true });
    limited.work(100).await;
    limited.reasons(&[]).await;
}

#[tokio::test]
async fn results_are_evicted_to_make_room_for_work_after_memory_shrinks() {
    let limited = Limited::start();
    for number in 1..=40 {
        limited.record(number, 200_000).await;
    }
    limited.set("maxmemory", "6mb");
    limited.work(100).await;
    limited.record(101, 200_000).await;
    limited.reasons(&[]).await;
    assert_eq!(limited.state(1).await, IndexState::Absent);
}

#[tokio::test]
async fn a_result_larger_than_all_memory_is_refused_and_others_are_accepted() {
    let limited = Limited::start();
    limited.set("maxmemory", "4mb");
    for number in 1..=5 {
        limited.record(number, 200_000).await;
    }
    let capacity = 4 << 20;
    assert_eq!(limited.post(50, 5_000_000).await.unwrap(), FinishOutcome::TooLarge { capacity });
    assert_eq!(limited.state(50).await, IndexState::Absent);
    limited.work(100).await;
    // It fits, but only once the others are evicted.
    until("Redis has freed what it received before", async || limited.post(60, 1_000_000).await.is_ok())
        .await;
    limited.board.mark_recorded(index(60), BUDGET).await.unwrap();
    limited.work(101).await;
    limited.reasons(&[]).await;
}

#[tokio::test]
async fn work_in_progress_can_end_while_memory_is_full_of_foreign_data() {
    let limited = Limited::start();
    for number in 1..=4 {
        limited.board.enqueue(index(number), EnqueueReason::Submission).await.unwrap();
    }
    limited.set("maxmemory", "4mb");
    limited.fill_with_foreign_data();
    let full =
        "Redis has used up its memory of 4194304 bytes, and no results are left to evict: raise maxmemory.";
    limited.reasons(&[full]).await;
    let refused = limited.board.enqueue(index(9), EnqueueReason::Submission).await;
    assert!(matches!(refused, Err(BoardError::Full(_))), "{refused:?}");
    let claim = async || limited.board.claim(&worker("w"), LEASE).await.unwrap().unwrap().lease;
    let lease = claim().await;
    assert!(limited.board.renew(&lease, LEASE, 0.5).await.unwrap());
    assert_eq!(limited.board.finish(&lease, "13", 1).await.unwrap(), FinishOutcome::First);
    limited.board.mark_recorded(lease.index, BUDGET).await.unwrap();
    limited.board.fail(&claim().await, "no", false).await.unwrap();
    limited.board.fail(&claim().await, "no", true).await.unwrap();
    assert!(limited.board.release(&claim().await, Duration::ZERO).await.unwrap());
    assert_eq!(limited.board.pending_len().await.unwrap(), 2);
    limited.run(&["DEL", "foreign"]);
    limited.reasons(&[]).await;
    assert_eq!(
        limited.board.enqueue(index(9), EnqueueReason::Submission).await.unwrap(),
        EnqueueOutcome::Added
    );
}

#[tokio::test]
async fn each_missing_permission_is_named_until_it_is_granted() {
    let limited = Limited::with_rules("~* +@all resetchannels");
    let channels = "The Redis user may not use the channels events, insert: grant &events &insert.";
    limited.reasons(&[channels]).await;
    assert!(limited.board.subscribe(&[Channel::Insert]).await.is_err());
    // Messages only wake others, so the work gets done without them.
    limited.work(7).await;
    for (rules, expected) in [
        ("~* &* +@all -evalsha", "The Redis user may not run the command evalsha: grant +evalsha."),
        ("~* &* +@all -script", "The Redis user may not run the command script|load: grant +script|load."),
        ("~* &* +@all -time", "The Redis user may not run the command time: grant +time."),
        ("~* &* +@all -publish", "The Redis user may not run the command publish: grant +publish."),
        ("~* &* +@all -subscribe", "The Redis user may not run the command subscribe: grant +subscribe."),
        ("~* &* +@all -unwatch", "The Redis user may not run the command unwatch: grant +unwatch."),
        (
            "~* &* +@all -@write",
            "The Redis user may not run the commands del, hdel, hset, zadd, zrem: \
             grant +del +hdel +hset +zadd +zrem.",
        ),
        ("~{values}:* &* +@all", "The Redis user may not read and write the key values: grant ~values."),
        ("~values &* +@all", "The Redis user may not read and write the key {values}:*: grant ~{values}:*."),
        (
            "%R~* &* +@all",
            "The Redis user may not read and write the keys values, {values}:*: grant ~values ~{values}:*.",
        ),
        ("~* &insert +@all", "The Redis user may not use the channel events: grant &events."),
        ("~* &events +@all", "The Redis user may not use the channel insert: grant &insert."),
    ] {
        limited.set_rules(rules);
        limited.reasons(&[expected]).await;
    }
    // An open subscription is not considered dead if nothing could be published.
    limited.set_rules("~* &* +@all -publish");
    let subscription = limited.board.subscribe(&[Channel::Insert, Channel::Events]).await.unwrap();
    limited.reasons(&["The Redis user may not run the command publish: grant +publish."]).await;
    limited.set_rules("~* &* +@all");
    limited.reasons(&[]).await;
    drop(subscription);
    // Checks have a channel of their own, but also work without it.
    limited.set_rules("~* &insert &events +@all");
    limited.reasons(&[]).await;
    limited.set_rules("~* &* +@all -info");
    limited.health("a warning", |health| health.is_ok() && health.warnings.len() == 1).await;
    limited.set_rules("~* &* +@all");
    limited.health("no warning", |health| *health == BoardHealth::default()).await;
}

#[tokio::test]
async fn a_password_changed_while_running_is_reported() {
    let limited = Limited::with_rules("~* &* +@all");
    limited.reasons(&[]).await;
    limited.run(&["ACL", "SETUSER", "limited", "resetpass", ">another"]);
    limited.run(&["CLIENT", "KILL", "USER", "limited"]);
    limited
        .reasons(&["Redis rejected the user name or password: correct REDIS_USERNAME and REDIS_PASSWORD."])
        .await;
    limited.set_rules("~* &* +@all");
    limited.reasons(&[]).await;
}

#[tokio::test]
async fn a_redis_that_refuses_writes_is_reported_with_the_cause() {
    let mut limited = Limited::start();
    limited.run(&["REPLICAOF", "127.0.0.1", "1"]);
    limited.reasons(&["Redis is a read-only replica: REDIS_HOST must name the primary."]).await;
    limited.run(&["REPLICAOF", "NO", "ONE"]);
    limited.set("min-replicas-to-write", "1");
    limited
        .reasons(&[
            "Redis refuses writes because too few replicas are connected: start its replicas, or lower \
                    min-replicas-to-write.",
        ])
        .await;
    limited.set("min-replicas-to-write", "0");
    limited.run(&["SET", "values", "a string"]);
    limited
        .reasons(&[
            "The Redis key values has another type than fibstack's: delete it, or use a Redis of your own.",
        ])
        .await;
    limited.run(&["DEL", "values"]);
    limited.reasons(&[]).await;
    limited.redis.pause();
    limited.health("no reply", BoardHealth::no_reply).await;
    limited.redis.resume();
    limited.reasons(&[]).await;
    limited.redis.kill();
    limited
        .reasons(&["Nothing accepts connections at REDIS_HOST and REDIS_PORT: start Redis, or correct them."])
        .await;
    limited.redis.restart().unwrap();
    limited.reasons(&[]).await;
}

#[tokio::test]
async fn a_cluster_that_is_down_is_reported() {
    let redis = Redis::start_with(Options { cluster: true, ..Options::default() }).unwrap();
    let board = RedisBoard::new(&RedisConfig::new(redis.host(), redis.port())).unwrap();
    let limited = Limited { redis, board };
    limited.reasons(&[]).await;
    limited.run(&["CLUSTER", "DELSLOTSRANGE", "0", "16383"]);
    limited.reasons(&["The Redis cluster is down: not all of its slots are served."]).await;
    limited.run(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    limited.reasons(&[]).await;
}

#[tokio::test]
async fn a_redis_without_free_connections_is_reported() {
    let limited = Limited::start();
    limited.set("maxclients", "4");
    let others: Vec<_> =
        (0..4).map(|_| TcpStream::connect((limited.redis.host(), limited.redis.port())).unwrap()).collect();
    limited.reasons(&["Redis has reached its maximum number of connections: raise maxclients."]).await;
    drop(others);
    limited.reasons(&[]).await;
}

#[tokio::test]
async fn a_failed_save_to_disk_is_reported() {
    let limited = Limited::start();
    // A folder in place of the file makes the save fail, whichever user runs the test.
    let folder = limited.run(&["CONFIG", "GET", "dir"]).lines().last().unwrap().to_owned();
    std::fs::create_dir_all(format!("{folder}/dump.rdb/in-the-way")).unwrap();
    limited.set("save", "3600 1");
    let _ = limited.redis.execute(&["BGSAVE"]);
    limited
        .reasons(&["Redis refuses writes because it failed to save its data to disk: see its log, or set \
                    stop-writes-on-bgsave-error to no."])
        .await;
    limited.set("save", "");
    limited.reasons(&[]).await;
}

#[tokio::test]
async fn a_check_leaves_nothing_behind_and_publishes_nothing_to_others() {
    let limited = Limited::start();
    let mut messages = limited.board.subscribe(&[Channel::Insert, Channel::Events]).await.unwrap();
    limited.board.enqueue(index(7), EnqueueReason::Message).await.unwrap();
    let keys = limited.run(&["KEYS", "*"]);
    assert_eq!(limited.board.check().await, BoardHealth::default());
    assert_eq!(limited.run(&["KEYS", "*"]), keys);
    limited.board.enqueue(index(8), EnqueueReason::Submission).await.unwrap();
    assert_eq!(next_message(&mut messages).await, store::Message::Insert("8".to_owned()));
}

#[tokio::test]
async fn concurrent_calls_share_one_check() {
    let limited = Limited::start();
    limited.board.check().await;
    let evaluations = || {
        let stats = limited.run(&["INFO", "commandstats"]);
        stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls=")).unwrap_or("").to_owned()
    };
    let before = evaluations();
    let started = Instant::now();
    futures::future::join_all((0..500).map(|_| limited.board.check())).await;
    // On a machine so slow that the result has expired, the test proves nothing.
    if started.elapsed() < Duration::from_millis(500) {
        assert_eq!(evaluations().split(',').next(), before.split(',').next());
    }
}

#[tokio::test]
async fn a_subscription_that_delivers_nothing_is_reported_and_ended() {
    let redis = Redis::start().unwrap();
    let relay = Relay::to(redis.port()).unwrap();
    let deadlines = Deadlines { heartbeat: Duration::from_secs(3_600), ..Deadlines::default() };
    let config = RedisConfig { deadlines, ..RedisConfig::new("127.0.0.1", relay.port()) };
    let board = RedisBoard::new(&config).unwrap();
    let subscription = board.subscribe(&[Channel::Insert, Channel::Events]).await.unwrap();
    assert!(board.check().await.is_ok());
    // Only the connections open now go dead, as after a failover.
    relay.lose();
    until("the check names it", async || {
        board.check().await.reasons()
            == ["Redis does not deliver messages to an open subscription; resubscribing."]
    })
    .await;
    assert_eq!(crate::subject::end(subscription).await, 0);
    until("the check finds nothing", async || board.check().await.is_ok()).await;
}
