//! A copy of the programs and the site for one run of the tests, so that builds in the meantime do not affect it.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result};
use tempfile::{Builder, TempDir};

use crate::{
    folder, project,
    site::{self, Building, Profile},
};

/// The programs that tests start, and the file next to the server that lists the hashes of the site's files.
const BINARIES: [&str; 3] = ["server", "worker", "hash.txt"];

/// A folder with the programs and the site, which is removed on drop.
#[derive(Debug)]
pub(super) struct Snapshot(TempDir);

impl Snapshot {
    /// Copies the files while no other command builds the site.
    pub(super) fn take(_building: &Building) -> Result<Self> {
        let target = project::target();
        let folder =
            Builder::new().prefix("test-run-").tempdir_in(&target).context("failed to create a folder")?;
        let snapshot = Self(folder);
        fs::create_dir(snapshot.binaries()).context("failed to create a folder")?;
        for name in BINARIES {
            fs::copy(target.join(Profile::Dev.folder()).join(name), snapshot.binaries().join(name))
                .with_context(|| format!("failed to copy {name}"))?;
        }
        folder::copy(&project::site(), &snapshot.site()).context("failed to copy the site")?;
        Ok(snapshot)
    }

    /// Sets the variables by which tests find the programs and the site.
    pub(super) fn set_variables<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        site::set_variables(command.env("FIBSTACK_BIN_DIR", self.binaries()), &self.site())
    }

    fn binaries(&self) -> PathBuf {
        self.0.path().join("bin")
    }

    fn site(&self) -> PathBuf {
        self.0.path().join("site")
    }
}
