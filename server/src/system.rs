//! Putting the parts together: what stands behind the two traits, and a worker when embedded.

use std::{path::Path, sync::Arc};

use anyhow::Context;
use job::JOB;
use startup::telemetry::Telemetry;
use store::{InProcessBoard, Limits, PostgresRecord, RedisBoard, SqliteRecord, Store};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use worker::{Worker, WorkerSettings};

use crate::{
    api::Parts,
    config::{Config, Mode},
};

/// The Store, and everything that runs for it in this process.
pub(crate) struct System {
    /// The Record and the Board.
    pub(crate) store: Arc<Store>,
    /// What they are, for health answers.
    pub(crate) parts: Parts,
    tasks: TaskTracker,
    telemetry: Telemetry,
}

impl System {
    /// Opens Record and Board and starts what runs in the background. Databases that are down are
    /// waited for in the background.
    ///
    /// # Errors
    /// A setting can't be used, or the folder of the embedded database can't be written.
    pub(crate) fn start(config: &Config, mode: Mode, stop: &CancellationToken) -> anyhow::Result<Self> {
        let max_index = config.max_index.max_index(1, JOB.memory_bytes)?;
        let limits = Limits { max_index, result_budget_bytes: config.result_budget_bytes };
        let tasks = TaskTracker::new();
        let telemetry = config.telemetry.start("fibstack-server");
        let (store, parts) = match mode {
            Mode::Stack => {
                let record = Arc::new(PostgresRecord::new(&config.postgres.to_config()?));
                let board = Arc::new(RedisBoard::new(&config.redis.to_config()?)?);
                let parts = Parts { record: "postgres", board: "redis" };
                (Store::new(record, board, JOB.verify, limits), parts)
            }
            Mode::Embedded => {
                let record = Arc::new(SqliteRecord::new(data_folder(&config.data_dir)?));
                let board = Arc::new(InProcessBoard::new());
                let settings = WorkerSettings { max_index, ..WorkerSettings::default() };
                let worker = Worker::new(board.clone(), JOB.compute, settings).with_spans(telemetry.sink());
                let stop = stop.clone();
                tasks.spawn(async move { worker.run(stop).await });
                let parts = Parts { record: "sqlite", board: "in-process" };
                (Store::new(record, board, JOB.verify, limits), parts)
            }
        };
        let store = Arc::new(store.with_verify_cost(JOB.verify_cost).with_spans(telemetry.sink()));
        tasks.spawn(Arc::clone(&store).run(stop.clone()));
        tasks.close();
        Ok(Self { store, parts, tasks, telemetry })
    }

    /// Waits until everything in the background has ended, then closes the Record.
    pub(crate) async fn stopped(self) {
        self.tasks.wait().await;
        self.store.record().close().await;
        // It blocks, and can't fail but by a panic, which has been logged.
        let _ = tokio::task::spawn_blocking(|| self.telemetry.stop()).await;
    }
}

fn data_folder(folder: &Path) -> anyhow::Result<&Path> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("DATA_DIR is {}, which can't be created", folder.display()))?;
    Ok(folder)
}
