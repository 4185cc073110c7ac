//! Connections to Redis: a pool for commands, and a dedicated one for each subscription.

use std::time::Duration;

use deadpool_redis::{
    Connection, Manager, Pool, Runtime,
    redis::{
        AsyncConnectionConfig, Client, Cmd, FromRedisValue, RedisResult, ScriptInvocation, Value,
        aio::{PubSub, PubSubSink, PubSubStream},
        from_redis_value,
    },
};
use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};

use super::{
    config::{Deadlines, RedisConfig, RedisConfigError},
    fault::redis_error,
};
use crate::{BoardError, certificate::explain_redis};

/// Connections to Redis, opened on demand and replaced when lost.
pub(super) struct Connections {
    pool: Pool,
    client: Client,
    /// Host and port.
    address: (String, u16),
    deadlines: Deadlines,
}

/// A request to Redis.
pub(super) enum Request<'a> {
    /// A command.
    Command(&'a Cmd),
    /// A script, loaded if Redis doesn't have it yet.
    Script(&'a ScriptInvocation<'a>),
    /// Loads a script; the reply is its hash.
    Load(&'a ScriptInvocation<'a>),
}

impl Connections {
    /// Creates the pool without connecting yet.
    pub(super) fn new(config: &RedisConfig) -> Result<Self, RedisConfigError> {
        let invalid = |error: Box<dyn std::error::Error + Send + Sync>| RedisConfigError::Invalid(error);
        let info = config.connection_info()?;
        let deadlines = config.deadlines;
        let connection = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(deadlines.connect))
            .set_response_timeout(Some(deadlines.response));
        let client = Client::open(info.clone()).map_err(|error| invalid(error.into()))?;
        let manager = Manager::new_with_config(info, connection).map_err(|error| invalid(error.into()))?;
        let pool = Pool::builder(manager)
            .max_size(config.pool_size)
            .wait_timeout(Some(deadlines.connect))
            .create_timeout(Some(deadlines.connect))
            // A dead connection must leave enough time to open another one.
            .recycle_timeout(Some(deadlines.connect / 4))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| invalid(error.into()))?;
        Ok(Self { pool, client, address: (config.host.clone(), config.port), deadlines })
    }

    /// Sends a request and returns the reply.
    pub(super) async fn send<T: FromRedisValue>(&self, request: Request<'_>) -> Result<T, BoardError> {
        // One deadline for everything: the pool's own timeouts start over with each dead connection.
        let mut connection =
            within(self.deadlines.connect, "connection", async { self.pool.get().await }).await?;
        let reply = within(self.deadlines.response, "reply", request.send(&mut connection)).await;
        if reply.is_err() {
            // The connection may be half open, or lead to a healthy server that was demoted to a replica,
            // so don't reuse it. If Redis is full, closing it frees the memory of a large request.
            drop(Connection::take(connection));
        }
        reply
    }

    /// Opens a connection that is subscribed to these channels.
    pub(super) async fn subscribe(
        &self,
        channels: &[&str],
    ) -> Result<(PubSubSink, PubSubStream), BoardError> {
        let pubsub: PubSub =
            within(self.deadlines.connect, "connection", self.client.get_async_pubsub()).await?;
        let (mut sink, stream) = pubsub.split();
        within(self.deadlines.response, "reply", sink.subscribe(channels)).await?;
        Ok((sink, stream))
    }

    /// Returns the error, if any, that Redis sends before it closes a new connection. The client library
    /// drops it.
    pub(super) async fn rejection(&self) -> Option<String> {
        let greeting = async {
            let (host, port) = &self.address;
            let mut stream = TcpStream::connect((host.as_str(), *port)).await.ok()?;
            let mut text = [0; 200];
            let length = stream.read(&mut text).await.ok()?;
            String::from_utf8_lossy(&text[..length]).strip_prefix('-').map(str::to_owned)
        };
        timeout(self.deadlines.connect / 4, greeting).await.ok().flatten()
    }

    pub(super) fn deadlines(&self) -> Deadlines {
        self.deadlines
    }
}

impl Request<'_> {
    async fn send<T: FromRedisValue>(self, connection: &mut Connection) -> RedisResult<T> {
        match self {
            Self::Command(command) => command.query_async(connection).await,
            Self::Script(script) => script.invoke_async(connection).await,
            Self::Load(script) => {
                from_redis_value(Value::BulkString(script.load_async(connection).await?.into_bytes()))
                    .map_err(Into::into)
            }
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
        Ok(Ok(reply)) => Ok(reply),
        Ok(Err(error)) => {
            let error = BoardError::Unavailable(explain_redis(Box::new(error)));
            let full = redis_error(&error).is_some_and(|error| error.code() == Some("OOM"));
            Err(match error {
                BoardError::Unavailable(error) if full => BoardError::Full(error),
                error => error,
            })
        }
        Err(_) => Err(BoardError::Unavailable(format!("no {what} from Redis within {deadline:?}").into())),
    }
}
