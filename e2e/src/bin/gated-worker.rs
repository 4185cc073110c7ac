//! The real worker, except that its computations wait at a gate and are counted.

use std::{
    fs::OpenOptions,
    io::Write,
    num::NonZero,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use clap::Parser;
use job::{JOB, JobError, Progress};
use startup::{log::LogSettings, memory::MaxIndexSettings, or_exit, redis::RedisSettings};
use store::RedisBoard;
use worker::{Worker, WorkerSettings};

#[derive(Debug, Parser)]
struct Settings {
    #[arg(long, env = e2e::GATE_FILE)]
    gate_file: PathBuf,
    #[arg(long, env = e2e::TALLY_FILE)]
    tally_file: PathBuf,
    #[command(flatten)]
    redis: RedisSettings,
    #[command(flatten)]
    max_index: MaxIndexSettings<{ JOB.default_max_index }>,
    #[command(flatten)]
    worker: WorkerSettings,
    #[command(flatten)]
    log: LogSettings,
}

/// Interval at which a waiting computation checks the gate and reports progress.
const CHECK_INTERVAL: Duration = Duration::from_millis(10);
/// Progress added by each check, up to one half, so that progress is visible at the gate.
const PROGRESS_PER_CHECK: f64 = 0.005;

fn compute_gated(index: u32, progress: Progress<'_>, gate: &Path, tally: &Path) -> Result<String, JobError> {
    let failed = |error: std::io::Error| JobError::Failed(format!("failed to count: {error}"));
    let mut tally = OpenOptions::new().create(true).append(true).open(tally).map_err(failed)?;
    // A short line written in one call is appended atomically, even with several processes.
    tally.write_all(format!("{index}\n").as_bytes()).map_err(failed)?;
    let mut share = 0.0;
    while !gate.exists() {
        share = f64::min(share + PROGRESS_PER_CHECK, 0.5);
        if progress(share).is_break() {
            return Err(JobError::Stopped);
        }
        thread::sleep(CHECK_INTERVAL);
    }
    JOB.on(NonZero::<usize>::MIN)(index, progress)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut settings: Settings = startup::parse();
    settings.log.init();
    let concurrency = settings.worker.concurrency;
    settings.worker.index_range =
        or_exit(settings.max_index.index_range(JOB.lowest_index, concurrency, JOB.memory_bytes));
    let board = RedisBoard::new(&or_exit(settings.redis.to_config()))?;
    let (gate, tally) = (settings.gate_file, settings.tally_file);
    let compute = move |index, progress: Progress<'_>| compute_gated(index, progress, &gate, &tally);
    let stop = startup::stop::on_signal()?;
    Worker::new(Arc::new(board), compute, settings.worker).run(stop).await;
    Ok(())
}
