//! The throw-away Redis.

// A failed assumption is a failed test.
#![allow(clippy::unwrap_used)]

use throwaway::{Redis, redis::Options};

#[test]
fn what_it_knew_is_lost_in_a_crash_and_it_is_back_on_the_same_port() {
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
fn a_refused_command_shows_the_message() {
    let redis = Redis::start_with(Options { password: true, ..Options::default() }).unwrap();
    assert_eq!(redis.execute(&["PING"]).unwrap(), "PONG");
    let error = redis.execute(&["NONSENSE"]).unwrap_err();
    assert!(error.to_string().contains("unknown command"), "{error}");
    assert!(redis.url().contains(redis.password().unwrap()));
}
