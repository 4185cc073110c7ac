//! The real worker, and the one with a gate.

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

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// SIGTERM, and waits for the end.
    ///
    /// # Panics
    /// It did not end in time.
    pub async fn stop(&mut self) -> ExitStatus {
        tokio::task::block_in_place(|| self.process.stop(DEADLINE)).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Waits until it wrote this.
    ///
    /// # Panics
    /// It did not in time, or ended.
    pub fn wait_for(&mut self, awaited: &str) {
        tokio::task::block_in_place(|| self.process.wait_for(awaited, DEADLINE))
            .unwrap_or_else(|error| panic!("{error}"));
    }

    /// What it wrote.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.ended()
    }
}
