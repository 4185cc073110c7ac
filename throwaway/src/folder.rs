//! A folder that is gone after the test.

use std::path::Path;

use tempfile::TempDir;

use crate::{Error, watchdog};

/// A folder that is gone after the test, also when the test is killed.
#[derive(Debug)]
pub struct Folder {
    directory: TempDir,
}

impl Folder {
    /// Makes one below the system's temporary folder.
    ///
    /// # Errors
    /// The operating system refused.
    pub fn new(name: &str) -> Result<Self, Error> {
        let directory = tempfile::Builder::new()
            .prefix(&format!("throwaway-{name}-"))
            .tempdir()
            .map_err(Error::io("make a temporary folder"))?;
        watchdog::guard_folder(&directory.path().to_string_lossy());
        Ok(Self { directory })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Released only when it is really gone, else the watchdog tries again at the end.
        if std::fs::remove_dir_all(self.directory.path()).is_ok() {
            watchdog::release_folder(&self.directory.path().to_string_lossy());
        }
    }
}
