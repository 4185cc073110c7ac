//! Temporary folders.

use std::path::Path;

use tempfile::TempDir;

use crate::{Error, watchdog};

/// A temporary folder that is removed after the test, even if the test is killed.
#[derive(Debug)]
pub struct Folder {
    directory: TempDir,
}

impl Folder {
    /// Creates a folder in the system's temporary folder.
    ///
    /// # Errors
    /// Fails if the folder cannot be created.
    pub fn new(name: &str) -> Result<Self, Error> {
        let directory = tempfile::Builder::new()
            .prefix(&format!("throwaway-{name}-"))
            .tempdir()
            .map_err(Error::io("create a temporary folder"))?;
        watchdog::guard_folder(&directory.path().to_string_lossy());
        Ok(Self { directory })
    }

    /// Path of the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Released only if it was really removed; otherwise the watchdog tries again at the end.
        if std::fs::remove_dir_all(self.directory.path()).is_ok() {
            watchdog::release_folder(&self.directory.path().to_string_lossy());
        }
    }
}
