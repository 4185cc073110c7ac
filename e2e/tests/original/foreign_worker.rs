//! A worker like the original one.

use deadpool_redis::redis::{self, AsyncCommands};
use futures::StreamExt;
use protocol::names::{INSERT, VALUES};
use tokio::task::JoinHandle;

/// Subscribes to `insert`, sets the field in `values` and publishes nothing.
#[derive(Debug)]
pub(crate) struct ForeignWorker(JoinHandle<()>);

impl ForeignWorker {
    /// Starts a worker that computes values with `compute`, and waits until it is subscribed.
    async fn start(redis_port: u16, compute: fn(u32) -> String) -> Self {
        let client = redis::Client::open(format!("redis://127.0.0.1:{redis_port}/"));
        let client = client.expect("a loopback address is an address");
        let mut connection =
            client.get_multiplexed_async_connection().await.expect("the test's Redis is running");
        let mut messages = client.get_async_pubsub().await.expect("the test's Redis is running");
        messages.subscribe(INSERT).await.expect("the test's Redis accepts subscriptions");
        Self(tokio::spawn(async move {
            let mut messages = messages.into_on_message();
            while let Some(message) = messages.next().await {
                let index: String = message.get_payload().unwrap_or_default();
                if let Ok(number) = index.parse() {
                    // Fails when Redis stops at the end of a test.
                    let _: redis::RedisResult<()> = connection.hset(VALUES, index, compute(number)).await;
                }
            }
        }))
    }

    /// Starts a worker that counts from F(0) = 0, like ours.
    pub(crate) async fn right(redis_port: u16) -> Self {
        Self::start(redis_port, fibonacci).await
    }

    /// Starts a worker that counts from F(0) = 1, like the original.
    pub(crate) async fn shifted(redis_port: u16) -> Self {
        Self::start(redis_port, |index| fibonacci(index + 1)).await
    }
}

impl Drop for ForeignWorker {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Computes F(n) by addition, independently of `fib`, for n up to 186.
fn fibonacci(index: u32) -> String {
    let (mut this, mut next) = (0_u128, 1_u128);
    for _ in 0..index {
        (this, next) = (next, this + next);
    }
    this.to_string()
}
