//! The worker's binary: runs one worker on Redis.

use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context;
use clap::{Parser, Subcommand};
use job::JOB;
use startup::{
    SettingsError, address, log::LogSettings, memory::MaxIndexSettings, or_exit, redis::RedisSettings,
    telemetry::TelemetrySettings,
};
use store::RedisBoard;
use worker::{Worker, WorkerSettings, health_listener};

/// musl's own allocator is many times slower with several threads.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Claims indexes from Redis, computes their values and posts the results. Any number of workers share
/// the work.
#[derive(Debug, Parser)]
#[command(name = "worker", version, max_term_width = 100, after_help = JOB.description)]
struct Settings {
    #[command(subcommand)]
    command: Option<Command>,
    /// Address that serves `GET /health`, for `worker healthcheck` [default: none]
    #[arg(id = "HEALTH_ADDR", long = "health-addr", env = "HEALTH_ADDR", value_parser = address)]
    health_addr: Option<SocketAddr>,
    #[command(flatten)]
    redis: RedisSettings,
    #[command(flatten)]
    max_index: MaxIndexSettings<{ JOB.default_max_index }>,
    #[command(flatten)]
    worker: WorkerSettings,
    #[command(flatten)]
    log: LogSettings,
    #[command(flatten)]
    telemetry: TelemetrySettings,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Work until SIGTERM or SIGINT (the default).
    Run,
    /// Check that the worker at `HEALTH_ADDR` is subscribed and Redis does all that it needs. Exits with 0 if so.
    Healthcheck,
}

/// Time for which the process waits for its blocking threads: a computation that ignores its stop must not
/// keep it alive.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(500);

fn main() -> anyhow::Result<ExitCode> {
    let settings: Settings = startup::parse();
    match settings.command {
        None | Some(Command::Run) => work(settings).map(|()| ExitCode::SUCCESS),
        Some(Command::Healthcheck) => {
            let unset = || {
                SettingsError::Refused(
                    "HEALTH_ADDR must be set, for the worker and for this command".to_owned(),
                )
            };
            let address = or_exit(settings.health_addr.ok_or_else(unset));
            Ok(startup::healthcheck::ask(address, health_listener::PATH))
        }
    }
}

fn work(mut settings: Settings) -> anyhow::Result<()> {
    settings.log.init();
    let redis = or_exit(settings.redis.to_config());
    let concurrency = settings.worker.concurrency;
    settings.worker.index_range =
        or_exit(settings.max_index.index_range(JOB.lowest_index, concurrency, worker::memory_bytes));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("failed to start the asynchronous runtime")?;
    let telemetry = settings.telemetry.start("fibstack-worker");
    let outcome = runtime.block_on(async {
        let stop = startup::stop::on_signal().context("failed to listen for signals")?;
        let board = RedisBoard::new(&redis).context("failed to prepare the connection to Redis")?;
        let worker = Worker::new(Arc::new(board), JOB.on(settings.worker.threads_per_computation()), settings.worker);
        let worker = Arc::new(worker.with_spans(telemetry.sink()));
        let Some(address) = settings.health_addr else {
            worker.run(stop).await;
            return Ok(());
        };
        let listening = async {
            health_listener::serve(address, Arc::clone(&worker), stop.clone()).await.with_context(|| {
                format!("cannot listen on {address}: stop the program that uses it, or set HEALTH_ADDR to another address")
            })
        };
        tokio::select! {
            () = worker.run(stop.clone()) => Ok(()),
            // Ends before the worker only if it fails.
            Err(error) = listening => Err(error),
        }
    });
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    telemetry.stop();
    outcome
}
