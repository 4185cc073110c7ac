//! The worker's binary: one worker on Redis.

use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context;
use clap::{Parser, Subcommand};
use startup::{
    SettingsError, address, log::LogSettings, memory::MaxIndexSettings, or_exit, redis::RedisSettings,
    telemetry::TelemetrySettings,
};
use store::RedisBoard;
use worker::{FibJob, Worker, WorkerSettings, health_listener};

/// musl's own is many times slower when several threads use it.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Claims indexes from Redis, computes their Fibonacci numbers and posts them. Any number of workers
/// share the work.
#[derive(Debug, Parser)]
#[command(name = "worker", version, max_term_width = 100)]
struct Settings {
    #[command(subcommand)]
    command: Option<Command>,
    /// Address to answer `GET /health` at, for `worker healthcheck`; unset: nowhere.
    #[arg(id = "HEALTH_ADDR", long = "health-addr", env = "HEALTH_ADDR", value_parser = address)]
    health_addr: Option<SocketAddr>,
    #[command(flatten)]
    redis: RedisSettings,
    #[command(flatten)]
    max_index: MaxIndexSettings,
    #[command(flatten)]
    worker: WorkerSettings,
    #[command(flatten)]
    log: LogSettings,
    #[command(flatten)]
    telemetry: TelemetrySettings,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Works until SIGTERM or SIGINT. What happens without a command, too.
    Run,
    /// Asks the worker that runs here, at `HEALTH_ADDR`, whether it is subscribed and Redis answers. Ends
    /// with 0 if so.
    Healthcheck,
}

/// A computation that does not listen to its stop must not keep the process alive.
const SHUTDOWN: Duration = Duration::from_millis(500);

fn main() -> anyhow::Result<ExitCode> {
    let settings: Settings = startup::parse();
    match settings.command {
        None | Some(Command::Run) => work(settings).map(|()| ExitCode::SUCCESS),
        Some(Command::Healthcheck) => {
            let unset = || {
                SettingsError::Refused("HEALTH_ADDR is missing: set it for the worker and here".to_owned())
            };
            let address = or_exit(settings.health_addr.ok_or_else(unset));
            Ok(startup::healthcheck::ask(address, health_listener::PATH))
        }
    }
}

fn work(mut settings: Settings) -> anyhow::Result<()> {
    settings.log.init();
    let redis = or_exit(settings.redis.to_config());
    settings.worker.max_index =
        or_exit(settings.max_index.max_index(settings.worker.concurrency, fib::memory_bytes));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("start the asynchronous runtime")?;
    let telemetry = settings.telemetry.start("fibstack-worker");
    let outcome = runtime.block_on(async {
        let stop = startup::stop::on_signal().context("listen to signals")?;
        let board = RedisBoard::new(&redis).context("prepare to talk to Redis")?;
        let worker = Worker::new(Arc::new(board), Arc::new(FibJob), settings.worker);
        let worker = Arc::new(worker.with_spans(telemetry.sink()));
        let Some(address) = settings.health_addr else {
            worker.run(stop).await;
            return Ok(());
        };
        let listening = async {
            health_listener::serve(address, Arc::clone(&worker), stop.clone()).await.with_context(|| {
                format!("can't listen on {address}: stop what listens there, or set HEALTH_ADDR to another address")
            })
        };
        tokio::select! {
            () = worker.run(stop.clone()) => Ok(()),
            // Ends with the worker; before that only if it fails.
            Err(error) = listening => Err(error),
        }
    });
    runtime.shutdown_timeout(SHUTDOWN);
    telemetry.stop();
    outcome
}
