//! The Record, the Board and, in embedded mode, a worker.

use std::sync::Arc;

use job::JOB;
use startup::{SettingsError, telemetry::Telemetry};
use store::{InProcessBoard, Limits, PostgresRecord, Record, RecordError, RedisBoard, SqliteRecord, Store};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use worker::{Worker, WorkerSettings};

use crate::{config::Config, mode::Mode};

/// The Store and its background tasks in this process.
pub(crate) struct Backend {
    /// The Record and the Board.
    pub(crate) store: Arc<Store>,
    tasks: TaskTracker,
    telemetry: Telemetry,
}

impl Backend {
    /// Opens the Record and the Board and starts the background tasks. Does not wait for a database that is down.
    ///
    /// # Errors
    /// Fails if a setting is invalid, or if the embedded database cannot be used and waiting would not help.
    pub(crate) async fn start(config: &Config, mode: Mode, stop: &CancellationToken) -> anyhow::Result<Self> {
        let index_range = config.max_index.index_range(JOB.lowest_index, 1, worker::memory_bytes)?;
        let limits = Limits { index_range, result_budget_bytes: config.result_budget_bytes };
        let tasks = TaskTracker::new();
        let telemetry = config.telemetry.start("fibstack-server");
        let store = match mode {
            Mode::Stack => {
                let record = Arc::new(PostgresRecord::new(&config.postgres.to_config()?));
                let board = Arc::new(RedisBoard::new(&config.redis.to_config()?)?);
                Store::new(record, board, JOB.verify, limits)
            }
            Mode::Embedded => {
                let record = Arc::new(SqliteRecord::new(&config.data_dir));
                match record.prepare().await {
                    Err(RecordError::File(fault)) if fault.is_permanent() => {
                        return Err(SettingsError::Refused(fault.to_string()).into());
                    }
                    // After any other error, a background task keeps trying to prepare the Record.
                    _ => {}
                }
                let board = Arc::new(InProcessBoard::new());
                let settings = WorkerSettings { index_range, ..WorkerSettings::default() };
                let compute = JOB.on(settings.threads_per_computation());
                let worker = Worker::new(board.clone(), compute, settings).with_spans(telemetry.sink());
                let stop = stop.clone();
                tasks.spawn(async move { worker.run(stop).await });
                Store::new(record, board, JOB.verify, limits)
            }
        };
        let store = Arc::new(store.with_verify_cost(JOB.verify_cost).with_spans(telemetry.sink()));
        tasks.spawn(Arc::clone(&store).run(stop.clone()));
        tasks.close();
        Ok(Self { store, tasks, telemetry })
    }

    /// Waits until the background tasks have ended, then closes the Record.
    pub(crate) async fn stopped(self) {
        self.tasks.wait().await;
        self.store.record().close().await;
        // Stopping the telemetry blocks. It fails only by a panic, which has been logged.
        let _ = tokio::task::spawn_blocking(|| self.telemetry.stop()).await;
    }
}
