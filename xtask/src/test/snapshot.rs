//! The programs and the site as they are now, for one run of the tests: another run, or the person, may build
//! anew meanwhile.

use std::{fs, path::PathBuf, process};

use anyhow::{Context, Result};

use crate::{
    folder, project,
    site::{Building, Profile},
};

/// What is started as a program of its own, and the file beside the server that names the site's files.
const BINARIES: [&str; 3] = ["server", "worker", "hash.txt"];

/// The programs and the site, in a folder that goes away.
#[derive(Debug)]
pub(super) struct Snapshot(PathBuf);

impl Snapshot {
    /// Takes it while nobody builds.
    pub(super) fn take(_building: &Building) -> Result<Self> {
        let snapshot = Self(project::target().join(format!("test-run-{}", process::id())));
        // Of a process with the same number that was killed.
        let _ = fs::remove_dir_all(&snapshot.0);
        let built = project::target().join(Profile::Dev.folder());
        fs::create_dir_all(snapshot.binaries())
            .and_then(|()| fs::create_dir_all(snapshot.site()))
            .context("make a folder")?;
        for name in BINARIES {
            fs::copy(built.join(name), snapshot.binaries().join(name))
                .with_context(|| format!("take over {name}"))?;
        }
        folder::copy(&project::site(), &snapshot.site()).context("take over the site")?;
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
