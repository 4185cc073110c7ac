//! A gate before every computation of a gated worker.

use std::path::PathBuf;

use throwaway::Folder;

use crate::eventually;

/// Variable with the path of the file whose existence opens the gate.
pub const GATE_FILE: &str = "GATE_FILE";
/// Variable with the path of the file that gets a line for each computation that starts.
pub const TALLY_FILE: &str = "TALLY_FILE";

/// A gate before every computation of the workers that use it, so that a test can act in the middle of a
/// computation. It records which computations start.
#[derive(Debug)]
pub struct Gate {
    folder: Folder,
}

impl Gate {
    /// Creates a closed gate.
    ///
    /// # Panics
    /// Panics if a temporary folder cannot be created.
    #[must_use]
    pub fn closed() -> Self {
        Self { folder: Folder::new("gate").unwrap_or_else(|error| panic!("{error}")) }
    }

    /// Creates an open gate, which only records.
    #[must_use]
    pub fn opened() -> Self {
        let gate = Self::closed();
        gate.open();
        gate
    }

    /// Opens the gate for good.
    ///
    /// # Panics
    /// Panics if the file cannot be written.
    pub fn open(&self) {
        std::fs::write(self.gate_file(), "").expect("the folder exists as long as the gate");
    }

    /// Indexes whose computation started, in order, once per start.
    #[must_use]
    pub fn began(&self) -> Vec<u32> {
        let tally = std::fs::read_to_string(self.tally_file()).unwrap_or_default();
        tally.lines().filter_map(|line| line.parse().ok()).collect()
    }

    /// Waits until this many computations have started.
    pub async fn wait_for(&self, computations: usize) {
        eventually(format!("{computations} computation(s) began"), || async {
            let began = self.began();
            if began.len() >= computations { Ok(()) } else { Err(format!("so far: {began:?}")) }
        })
        .await;
    }

    pub(crate) fn gate_file(&self) -> PathBuf {
        self.folder.path().join("open")
    }

    pub(crate) fn tally_file(&self) -> PathBuf {
        self.folder.path().join("tally")
    }
}
