//! Runs checks and reports the outcome of all of them.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result, bail};
use throwaway::process::find_program;

use crate::{child::Interrupted, job::Job, progress::say, project};

/// Folder of the linters from PyPI and npm.
pub(super) fn linters() -> PathBuf {
    project::tools().join("linters")
}

/// Outcome of all checks so far.
#[derive(Default)]
pub(super) struct Report {
    pub(super) failed: Vec<String>,
    pub(super) skipped: Vec<String>,
}

impl Report {
    /// Runs a check, or skips it if `program` is neither on PATH nor in [`linters`].
    pub(super) fn run(
        &mut self,
        name: &str,
        program: &str,
        command: impl FnOnce() -> Result<Command>,
    ) -> Result<()> {
        if find_program(program, &[linters().join("bin")]).is_none() {
            self.skip(name, &format!("{program} is not installed; {}", how_to_install(program)));
            return Ok(());
        }
        self.record(name, command().and_then(|mut command| Job::new(name).run(&mut command)))
    }

    pub(super) fn skip(&mut self, name: &str, reason: &str) {
        say(format!("{name}: {reason}"));
        self.skipped.push(name.to_owned());
    }

    /// Fails if a check failed, or in CI, if one was skipped.
    pub(super) fn conclusion(&self, is_ci: bool) -> Result<&'static str> {
        if !self.failed.is_empty() {
            bail!("failed: {}", self.failed.join(", "));
        }
        match self.skipped.as_slice() {
            [] => Ok("all checks passed"),
            skipped if is_ci => bail!("skipped, but required in CI: {}", skipped.join(", ")),
            _ => Ok("all available checks passed; some were skipped"),
        }
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

fn how_to_install(program: &str) -> &'static str {
    match program {
        "rustfmt" => "rustup component add rustfmt",
        "cargo-clippy" => "rustup component add clippy",
        "rustdoc" => "install Rust through rustup",
        "cargo-deny" => "cargo install --locked cargo-deny",
        "cargo-machete" => "cargo install --locked cargo-machete",
        "shellcheck" => "apt-get install shellcheck",
        _ => {
            "install Python with venv (apt-get install python3-venv), which `cargo xtask lint` uses to get it"
        }
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
