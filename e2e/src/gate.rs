//! A gate before every computation of a gated worker.

use std::path::PathBuf;

use throwaway::Folder;

use crate::eventually;

/// The variable with the path of the file whose existence opens the gate.
pub const GATE_FILE: &str = "GATE_FILE";
/// The variable with the path of the file that gets a line for each computation that begins.
pub const TALLY_FILE: &str = "TALLY_FILE";

/// A gate before every computation of the workers that were started with it: F(10⁶) is too quick to
/// be hit in the middle. It counts what arrives.
#[derive(Debug)]
pub struct Gate {
    folder: Folder,
}

impl Gate {
    /// A closed one.
    ///
    /// # Panics
    /// No temporary folder could be made.
    #[must_use]
    pub fn closed() -> Self {
        Self { folder: Folder::new("gate").unwrap_or_else(|error| panic!("{error}")) }
    }

    /// One that only counts.
    #[must_use]
    pub fn opened() -> Self {
        let gate = Self::closed();
        gate.open();
        gate
    }

    /// Lets everything through from now on.
    ///
    /// # Panics
    /// The file could not be written.
    pub fn open(&self) {
        std::fs::write(self.gate_file(), "").expect("the folder is there as long as the gate is");
    }

    /// The indexes whose computation began, in order, each as often as it began.
    #[must_use]
    pub fn began(&self) -> Vec<u32> {
        let tally = std::fs::read_to_string(self.tally_file()).unwrap_or_default();
        tally.lines().filter_map(|line| line.parse().ok()).collect()
    }

    /// Waits until this many computations began.
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
