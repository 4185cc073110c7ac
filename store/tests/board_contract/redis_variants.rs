//! Other setups of Redis: with TLS and a password, as a cluster, and with an eviction policy.

use std::time::Duration;

use store::{Board, Channel, EnqueueReason, IndexState, Message, RedisBoard, RedisConfig};
use throwaway::{Redis, redis::Options};

use crate::subject::{LEASE, index, next_message, until, worker};

fn config(redis: &Redis) -> RedisConfig {
    RedisConfig {
        password: redis.password().map(str::to_owned),
        tls: redis.ca_certificate().is_some(),
        ca_certificate: redis.ca_certificate(),
        ..RedisConfig::new(redis.host(), redis.port())
    }
}

async fn assert_refused(config: &RedisConfig, reason: &str) {
    let board = RedisBoard::new(config).unwrap();
    let health = board.check().await;
    assert!(!health.is_ok(), "was accepted with {config:?}");
    assert!(health.to_string().contains(reason), "{health:?}");
    let Err(error) = board.subscribe(&[Channel::Insert]).await else { panic!("subscribed with {config:?}") };
    for secret in ["throwaway", "wrong-secret"] {
        assert!(!format!("{error} {error:?} {health:?}").contains(secret), "{error:?} {health:?}");
    }
}

#[tokio::test]
async fn tls_and_password_apply_to_commands_and_subscriptions() {
    let redis = Redis::start_with(Options { password: true, tls: true, ..Options::default() }).unwrap();
    let config = config(&redis);
    let board = RedisBoard::new(&config).unwrap();
    let mut inserts = board.subscribe(&[Channel::Insert]).await.unwrap();
    board.enqueue(index(7), EnqueueReason::Submission).await.unwrap();
    assert_eq!(next_message(&mut inserts).await, Message::Insert("7".to_owned()));
    // The certificate is also valid for the name.
    let named = RedisConfig { host: "localhost".to_owned(), ..config.clone() };
    assert!(RedisBoard::new(&named).unwrap().check().await.is_ok());
    let user = RedisConfig { username: Some("default".to_owned()), ..config.clone() };
    assert!(RedisBoard::new(&user).unwrap().check().await.is_ok());

    assert_refused(
        &RedisConfig { ca_certificate: None, ..config.clone() },
        "is not trusted here. Set REDIS_TLS_CA_FILE",
    )
    .await;
    assert_refused(&RedisConfig { tls: false, ..config.clone() }, "set REDIS_TLS=true").await;
    assert_refused(&RedisConfig { password: None, ..config.clone() }, "set REDIS_PASSWORD").await;
    assert_refused(
        &RedisConfig { password: Some("wrong-secret".to_owned()), ..config },
        "correct REDIS_USERNAME and REDIS_PASSWORD",
    )
    .await;
}

#[tokio::test]
async fn all_keys_of_a_script_are_in_one_cluster_slot() {
    let redis = Redis::start_with(Options { cluster: true, ..Options::default() }).unwrap();
    let board = RedisBoard::new(&config(&redis)).unwrap();
    let mut inserts = board.subscribe(&[Channel::Insert]).await.unwrap();
    until("the cluster is up", async || board.enqueue(index(7), EnqueueReason::Submission).await.is_ok())
        .await;
    assert_eq!(next_message(&mut inserts).await, Message::Insert("7".to_owned()));
    let claim = board.claim(&worker("w1"), LEASE).await.unwrap().unwrap();
    assert!(board.renew(&claim.lease, LEASE, 0.5).await.unwrap());
    board.fail(&claim.lease, "no", false).await.unwrap();
    board.release(&claim.lease, Duration::ZERO).await.unwrap();
    board.finish(&claim.lease, "13", 1).await.unwrap();
    board.mark_recorded(index(7), 0).await.unwrap();
    assert_eq!(
        board.index_states(&[index(7)]).await.unwrap(),
        [IndexState::Result { bytes: 2, recorded: true }]
    );
    assert_eq!(board.result(index(7)).await.unwrap().as_deref(), Some("13"));
    assert_eq!(board.scan(0, 10).await.unwrap().indexes, [index(7)]);
    assert!(board.reject(index(7), "13").await.unwrap());
}

#[tokio::test]
async fn a_redis_that_may_evict_our_keys_causes_a_warning() {
    let redis = Redis::start().unwrap();
    let board = RedisBoard::new(&config(&redis)).unwrap();
    assert_eq!(board.check().await.warnings, Vec::<String>::new());
    redis.execute(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).unwrap();
    until("the warning", async || {
        let health = board.check().await;
        assert!(health.is_ok(), "{health:?}");
        health.warnings.iter().any(|warning| {
            ["allkeys-lru", "maxmemory-policy to noeviction"].iter().all(|part| warning.contains(part))
        })
    })
    .await;
}
