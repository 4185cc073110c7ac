//! A worker like the real one, but its computations wait at a gate, and are counted.

use std::{fs::OpenOptions, io::Write, ops::ControlFlow, path::PathBuf, sync::Arc, thread, time::Duration};

use clap::Parser;
use protocol::Index;
use startup::{log::LogSettings, memory::MaxIndexSettings, or_exit, redis::RedisSettings};
use store::RedisBoard;
use worker::{FibJob, Job, JobError, Worker, WorkerSettings};

#[derive(Debug, Parser)]
struct Settings {
    #[arg(long, env = e2e::GATE_FILE)]
    gate_file: PathBuf,
    #[arg(long, env = e2e::TALLY_FILE)]
    tally_file: PathBuf,
    #[command(flatten)]
    redis: RedisSettings,
    #[command(flatten)]
    max_index: MaxIndexSettings,
    #[command(flatten)]
    worker: WorkerSettings,
    #[command(flatten)]
    log: LogSettings,
}

/// Looks so often whether the gate is open, and whether it shall stop.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// What each look adds to the progress, up to half of the way: so that progress is seen at the gate.
const PROGRESS_PER_LOOK: f64 = 0.005;

struct GatedJob {
    gate: PathBuf,
    tally: PathBuf,
}

impl Job for GatedJob {
    fn compute(
        &self,
        index: Index,
        progress: &mut dyn FnMut(f64) -> ControlFlow<()>,
    ) -> Result<String, JobError> {
        let failed = |error: std::io::Error| JobError::Failed(format!("can't count: {error}"));
        let mut tally = OpenOptions::new().create(true).append(true).open(&self.tally).map_err(failed)?;
        // A short line written at once is appended whole, also beside other processes.
        tally.write_all(format!("{index}\n").as_bytes()).map_err(failed)?;
        let mut share = 0.0;
        while !self.gate.exists() {
            share = f64::min(share + PROGRESS_PER_LOOK, 0.5);
            if progress(share).is_break() {
                return Err(JobError::Stopped);
            }
            thread::sleep(LOOK_EVERY);
        }
        FibJob.compute(index, progress)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut settings: Settings = startup::parse();
    settings.log.init();
    settings.worker.max_index =
        or_exit(settings.max_index.max_index(settings.worker.concurrency, fib::memory_bytes));
    let board = RedisBoard::new(&or_exit(settings.redis.to_config()))?;
    let job = GatedJob { gate: settings.gate_file, tally: settings.tally_file };
    let stop = startup::stop::on_signal()?;
    Worker::new(Arc::new(board), Arc::new(job), settings.worker).run(stop).await;
    Ok(())
}
