//! A copy of the programs and the site for one run of the tests, so that builds in the meantime do not affect it.

use std::{fs, path::PathBuf, process};

use anyhow::{Context, Result};

use crate::{
    folder, project,
    site::{Building, Profile},
};

/// The programs that tests start, and the file next to the server that lists the hashes of the site's files.
const BINARIES: [&str; 3] = ["server", "worker", "hash.txt"];

/// A folder with the programs and the site, which is removed on drop.
#[derive(Debug)]
pub(super) struct Snapshot(PathBuf);

impl Snapshot {
    /// Copies the files while no other command builds the site.
    pub(super) fn take(_building: &Building) -> Result<Self> {
        let snapshot = Self(project::target().join(format!("test-run-{}", process::id())));
        // Left behind by a killed process with the same id.
        let _ = fs::remove_dir_all(&snapshot.0);
        let built = project::target().join(Profile::Dev.folder());
        fs::create_dir_all(snapshot.binaries())
            .and_then(|()| fs::create_dir_all(snapshot.site()))
            .context("failed to create a folder")?;
        for name in BINARIES {
            fs::copy(built.join(name), snapshot.binaries().join(name))
                .with_context(|| format!("failed to copy {name}"))?;
        }
        folder::copy(&project::site(), &snapshot.site()).context("failed to copy the site")?;
        Ok(snapshot)
    }

    pub(super) fn binaries(&self) -> PathBuf {
        self.0.join("bin")
    }

    pub(super) fn site(&self) -> PathBuf {
        self.0.join("site")
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
