//! The throwaway Redis.

// A failed assumption is a failed test.
#![allow(clippy::unwrap_used)]

use throwaway::{Redis, redis::Options};

#[test]
fn a_crash_loses_the_data_and_a_restart_keeps_the_port() {
    let mut redis = Redis::start().unwrap();
    redis.execute(&["SET", "kept", "7"]).unwrap();
    assert_eq!(redis.execute(&["GET", "kept"]).unwrap(), "7");
    let port = redis.port();
    redis.kill();
    assert!(redis.execute(&["PING"]).is_err());
    redis.restart().unwrap();
    assert_eq!(redis.port(), port);
    assert_eq!(redis.execute(&["GET", "kept"]).unwrap(), "");
    redis.pause();
    redis.stop().unwrap();
}

#[test]
fn an_error_contains_the_message_of_redis() {
    let redis = Redis::start_with(Options { password: true, ..Options::default() }).unwrap();
    assert_eq!(redis.execute(&["PING"]).unwrap(), "PONG");
    let error = redis.execute(&["NONSENSE"]).unwrap_err();
    assert!(error.to_string().contains("unknown command"), "{error}");
    assert!(redis.url().contains(redis.password().unwrap()));
}
