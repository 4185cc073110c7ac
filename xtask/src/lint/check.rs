//! A single check, and the report of all of them.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result};
use throwaway::process::find_program;

use crate::{child::Interrupted, job::Job, progress::say, project};

/// Folder of the linters from PyPI and npm.
pub(super) fn linters() -> PathBuf {
    project::tools().join("linters")
}

/// A check by a program, which runs in the root.
pub(super) struct Check {
    pub(super) name: &'static str,
    /// Program to look for on PATH or in [`linters`].
    pub(super) program: &'static str,
    /// Instructions for installing it.
    pub(super) install: &'static str,
    pub(super) command: fn() -> Result<Command>,
}

pub(super) const PIP: &str =
    "install Python with venv (apt-get install python3-venv), which `cargo xtask lint` uses to get it";
pub(super) const CLIPPY: &str = "rustup component add clippy";

/// Outcome of all checks so far.
#[derive(Default)]
pub(super) struct Report {
    pub(super) failed: Vec<String>,
    pub(super) skipped: Vec<String>,
}

impl Report {
    pub(super) fn run(&mut self, check: &Check) -> Result<()> {
        if find_program(check.program, &[linters().join("bin")]).is_none() {
            say(format!("{}: {} is not installed; {}", check.name, check.program, check.install));
            self.skipped.push(check.name.to_owned());
            return Ok(());
        }
        self.record(
            check.name,
            (check.command)().and_then(|mut command| Job::new(check.name).run(&mut command)),
        )
    }

    pub(super) fn record(&mut self, name: &str, result: Result<()>) -> Result<()> {
        match result {
            Ok(()) => say(format!("{name}: ok")),
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(error) => {
                say(format!("{error:#}"));
                self.failed.push(name.to_owned());
            }
        }
        Ok(())
    }
}

pub(super) fn cargo(arguments: &[&str]) -> Result<Command> {
    let mut cargo = project::cargo();
    cargo.args(arguments).env("RUSTDOCFLAGS", "-D warnings");
    Ok(cargo)
}

pub(super) fn program(name: &str, options: &[&str], files: Vec<PathBuf>) -> Result<Command> {
    let path =
        find_program(name, &[linters().join("bin")]).with_context(|| format!("{name} is not installed"))?;
    let mut command = Command::new(path);
    command.args(options).args(files).current_dir(project::root());
    Ok(command)
}
