//! The whole stack.

use crate::{Client, Database, Nginx, Redis, Server, Settings, Worker};

/// Postgres, Redis, one server, some workers, and nginx in front.
#[derive(Debug)]
pub struct Stack {
    // Dropped in this order: dependents first.
    /// The router.
    pub nginx: Option<Nginx>,
    /// The server.
    pub server: Server,
    /// The workers.
    pub workers: Vec<Worker>,
    /// The Board.
    pub redis: Redis,
    /// The Record.
    pub database: Database,
    /// Settings of the server and the workers, for starting more of them.
    pub settings: Settings,
}

/// Builds a stack.
#[derive(Debug)]
pub struct StackBuilder {
    redis: Redis,
    database: Database,
    settings: Settings,
    workers: usize,
    nginx: bool,
}

impl Stack {
    /// Starts a stack with one worker and nginx, and waits until it is ready.
    pub async fn start() -> Self {
        Self::builder().nginx().start().await
    }

    /// Builder of a stack with one server and one worker. Postgres and Redis are already running, so that a test can
    /// fill them first.
    #[must_use]
    pub fn builder() -> StackBuilder {
        let (redis, database) = (Redis::start(), Database::create());
        let settings = Settings::stack(&database, redis.port());
        StackBuilder { redis, database, settings, workers: 1, nginx: false }
    }

    /// The API at the root of the api listener.
    #[must_use]
    pub fn api(&self) -> Client {
        self.server.api()
    }

    /// The API under `/api` of the site listener.
    #[must_use]
    pub fn site_api(&self) -> Client {
        self.server.site_api()
    }

    /// The API as browsers reach it.
    ///
    /// # Panics
    /// Panics if the stack was started without nginx.
    #[must_use]
    pub fn through_nginx(&self) -> Client {
        self.nginx.as_ref().expect("this stack was started without nginx").api()
    }

    /// URL of the page: nginx's, if there is one.
    #[must_use]
    pub fn url(&self) -> String {
        let address = self.nginx.as_ref().map_or(self.server.site_addr(), |nginx| nginx.address());
        format!("http://{address}")
    }
}

impl StackBuilder {
    /// Sets the number of workers.
    #[must_use]
    pub fn workers(self, workers: usize) -> Self {
        Self { workers, ..self }
    }

    /// Adds nginx in front.
    #[must_use]
    pub fn nginx(self) -> Self {
        Self { nginx: true, ..self }
    }

    /// Sets a variable for the server and the workers.
    #[must_use]
    pub fn set(self, name: &str, value: impl ToString) -> Self {
        Self { settings: self.settings.set(name, value), ..self }
    }

    /// The Redis, which a test can fill.
    #[must_use]
    pub fn redis(&self) -> &Redis {
        &self.redis
    }

    /// The database, which a test can fill.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Starts the stack and waits until it is ready.
    pub async fn start(self) -> Stack {
        let Self { redis, database, settings, workers, nginx } = self;
        let workers = (0..workers).map(|_| Worker::start(&settings)).collect();
        let server = Server::start(&settings).await;
        server.api().ready().await;
        let nginx = if nginx { Some(Nginx::start(&server)) } else { None };
        Stack { nginx, server, workers, redis, database, settings }
    }
}
