//! The worker's binary: one worker on Redis.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use clap::{Parser, Subcommand};
use settings::{log::LogSettings, memory::MaxIndexSettings, or_exit, redis::RedisSettings};
use store::RedisBoard;
use worker::{FibJob, Worker, WorkerSettings};

/// Claims indexes from Redis, computes their Fibonacci numbers and posts them. Any number of workers
/// share the work.
#[derive(Debug, Parser)]
#[command(name = "worker", version, max_term_width = 100)]
struct Settings {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    redis: RedisSettings,
    #[command(flatten)]
    max_index: MaxIndexSettings,
    #[command(flatten)]
    worker: WorkerSettings,
    #[command(flatten)]
    log: LogSettings,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Works until SIGTERM or SIGINT. What happens without a command, too.
    Run,
}

/// A computation that does not listen to its stop must not keep the process alive.
const SHUTDOWN: Duration = Duration::from_millis(500);

fn main() -> anyhow::Result<()> {
    let mut settings: Settings = settings::parse();
    settings.log.init();
    let redis = or_exit(settings.redis.to_config());
    settings.worker.max_index =
        or_exit(settings.max_index.max_index(settings.worker.concurrency, fib::memory_bytes));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("start the asynchronous runtime")?;
    let outcome = runtime.block_on(async {
        let stop = settings::stop::on_signal().context("listen to signals")?;
        let board = RedisBoard::new(&redis).context("prepare to talk to Redis")?;
        let worker = Worker::new(Arc::new(board), Arc::new(FibJob), settings.worker);
        worker.run(stop).await;
        Ok(())
    });
    runtime.shutdown_timeout(SHUTDOWN);
    outcome
}
