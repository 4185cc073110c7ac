//! The real worker, and one whose computations wait at a gate.

use std::{path::Path, process::ExitStatus};

use throwaway::Process;

use crate::{
    DEADLINE, GATE_FILE, Gate, Settings, TALLY_FILE,
    binaries::{binary, own_binary},
};

/// A worker process.
#[derive(Debug)]
pub struct Worker {
    process: Process,
}

impl Worker {
    /// Starts the real worker.
    #[must_use]
    pub fn start(settings: &Settings) -> Self {
        Self::launch("worker", settings, &binary("worker"))
    }

    /// Starts a worker of the same code whose computations wait at a gate.
    #[must_use]
    pub fn start_gated(settings: &Settings, gate: &Gate) -> Self {
        let settings = settings
            .clone()
            .set(GATE_FILE, gate.gate_file().display())
            .set(TALLY_FILE, gate.tally_file().display());
        Self::launch("gated-worker", &settings, &own_binary("gated-worker"))
    }

    fn launch(name: &str, settings: &Settings, program: &Path) -> Self {
        let process =
            Process::start(name, settings.command(program)).unwrap_or_else(|error| panic!("{error}"));
        Self { process }
    }

    /// Sends SIGKILL.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Sends SIGTERM and waits for the worker to end.
    ///
    /// # Panics
    /// Panics if it does not end in time.
    pub async fn stop(&mut self) -> ExitStatus {
        tokio::task::block_in_place(|| self.process.stop(DEADLINE)).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Waits until the worker's log contains this text.
    ///
    /// # Panics
    /// Panics if it ends, or the time is up.
    pub fn wait_for(&mut self, awaited: &str) {
        tokio::task::block_in_place(|| self.process.wait_for(awaited, DEADLINE))
            .unwrap_or_else(|error| panic!("{error}"));
    }

    /// Log of the worker.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Exit status of the worker, if it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.ended()
    }
}
