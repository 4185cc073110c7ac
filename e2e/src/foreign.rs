//! A worker of another make.

use deadpool_redis::redis::{self, AsyncCommands};
use futures::StreamExt;
use protocol::names::{INSERT, VALUES};
use tokio::task::JoinHandle;

/// A worker as the original's was: subscribes to `insert`, sets the field in `values`, says nothing.
#[derive(Debug)]
pub struct ForeignWorker(JoinHandle<()>);

impl ForeignWorker {
    /// Starts one that answers like this, and waits until it listens.
    ///
    /// # Panics
    /// Redis is not there.
    pub async fn start(redis_port: u16, answer: fn(u32) -> String) -> Self {
        let client = redis::Client::open(format!("redis://127.0.0.1:{redis_port}/"));
        let client = client.expect("a loopback address is an address");
        let mut connection =
            client.get_multiplexed_async_connection().await.expect("the test's Redis is there");
        let mut messages = client.get_async_pubsub().await.expect("the test's Redis is there");
        messages.subscribe(INSERT).await.expect("anybody may subscribe");
        Self(tokio::spawn(async move {
            let mut messages = messages.into_on_message();
            while let Some(message) = messages.next().await {
                let index: String = message.get_payload().unwrap_or_default();
                if let Ok(number) = index.parse() {
                    // Redis goes away at the end of a test.
                    let _: redis::RedisResult<()> = connection.hset(VALUES, index, answer(number)).await;
                }
            }
        }))
    }

    /// One that counts from F(0) = 0, as we do.
    pub async fn right(redis_port: u16) -> Self {
        Self::start(redis_port, fibonacci).await
    }

    /// One that counts from F(0) = 1, as the original's worker does.
    pub async fn shifted(redis_port: u16) -> Self {
        Self::start(redis_port, |index| fibonacci(index + 1)).await
    }
}

impl Drop for ForeignWorker {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// By the recurrence, and so independent of how ours computes. Up to F(186), which fits.
fn fibonacci(index: u32) -> String {
    let (mut this, mut next) = (0_u128, 1_u128);
    for _ in 0..index {
        (this, next) = (next, this + next);
    }
    this.to_string()
}
