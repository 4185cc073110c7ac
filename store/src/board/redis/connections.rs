//! Connections to Redis: pooled for commands, one of its own for each subscription.

use std::time::Duration;

use deadpool_redis::{
    Connection, Manager, Pool, Runtime,
    redis::{
        AsyncConnectionConfig, Client, Cmd, FromRedisValue, RedisResult, ScriptInvocation,
        aio::{PubSub, PubSubSink, PubSubStream},
    },
};
use tokio::time::timeout;

use super::config::{Deadlines, RedisConfig, RedisConfigError};
use crate::BoardError;

/// How to reach Redis. Holds no connection until one is needed, and survives the loss of any.
pub(super) struct Connections {
    pool: Pool,
    client: Client,
    deadlines: Deadlines,
}

/// What is asked of Redis.
pub(super) enum Request<'a> {
    /// A command.
    Command(&'a Cmd),
    /// A script; loaded where Redis does not know it yet.
    Script(&'a ScriptInvocation<'a>),
}

impl Connections {
    /// Prepares; connects to nobody.
    pub(super) fn new(config: &RedisConfig) -> Result<Self, RedisConfigError> {
        let refused = |error: Box<dyn std::error::Error + Send + Sync>| RedisConfigError::Refused(error);
        let info = config.connection_info()?;
        let deadlines = config.deadlines;
        let connection = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(deadlines.connect))
            .set_response_timeout(Some(deadlines.response));
        let client = Client::open(info.clone()).map_err(|error| refused(error.into()))?;
        let manager = Manager::new_with_config(info, connection).map_err(|error| refused(error.into()))?;
        let pool = Pool::builder(manager)
            .max_size(config.pool_size)
            .wait_timeout(Some(deadlines.connect))
            .create_timeout(Some(deadlines.connect))
            // A connection that died unnoticed must leave time for another one.
            .recycle_timeout(Some(deadlines.connect / 4))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| refused(error.into()))?;
        Ok(Self { pool, client, deadlines })
    }

    /// Asks, and waits for the answer.
    pub(super) async fn ask<T: FromRedisValue>(&self, request: Request<'_>) -> Result<T, BoardError> {
        // A deadline over it all: the pool's own count anew for each dead connection it finds.
        let mut connection =
            within(self.deadlines.connect, "connection", async { self.pool.get().await }).await?;
        let answer = within(self.deadlines.response, "answer", request.ask(&mut connection)).await;
        if answer.is_err() {
            // It may be half open, or lead to a server that was demoted to a replica and is
            // otherwise well: never again this one.
            drop(Connection::take(connection));
        }
        answer
    }

    /// A connection of its own that is subscribed to these channels.
    pub(super) async fn subscribe(
        &self,
        channels: &[&str],
    ) -> Result<(PubSubSink, PubSubStream), BoardError> {
        let pubsub: PubSub =
            within(self.deadlines.connect, "connection", self.client.get_async_pubsub()).await?;
        let (mut sink, stream) = pubsub.split();
        within(self.deadlines.response, "answer", sink.subscribe(channels)).await?;
        Ok((sink, stream))
    }

    pub(super) fn deadlines(&self) -> Deadlines {
        self.deadlines
    }
}

impl Request<'_> {
    async fn ask<T: FromRedisValue>(self, connection: &mut Connection) -> RedisResult<T> {
        match self {
            Self::Command(command) => command.query_async(connection).await,
            Self::Script(script) => script.invoke_async(connection).await,
        }
    }
}

async fn within<T, E>(
    deadline: Duration,
    what: &str,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, BoardError>
where
    E: std::error::Error + Send + Sync + 'static,
{
    match timeout(deadline, work).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(BoardError::Unavailable(Box::new(error))),
        Err(_) => Err(BoardError::Unavailable(format!("no {what} from Redis within {deadline:?}").into())),
    }
}
