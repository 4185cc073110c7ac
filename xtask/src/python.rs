//! Programs from PyPI.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::job::Job;

/// Installs the packages in these lists into a Python environment in `folder`, again whenever a list has changed.
///
/// # Errors
/// Python or its module venv is missing, or the packages cannot be installed.
pub fn install(folder: &Path, lists: &[PathBuf]) -> Result<()> {
    let mut wanted = String::new();
    for list in lists {
        wanted += &fs::read_to_string(list).with_context(|| format!("failed to read {}", list.display()))?;
    }
    let installed = folder.join("installed.txt");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    Job::new("python environment").run(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    let mut pip = Command::new(folder.join("bin/pip"));
    pip.args(["install", "--progress-bar=off"]);
    for list in lists {
        pip.arg("--requirement").arg(list);
    }
    Job::new("pip").run(&mut pip)?;
    fs::write(&installed, wanted).with_context(|| format!("failed to write {}", installed.display()))
}
