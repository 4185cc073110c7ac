//! `cargo xtask lint`: everything CI checks besides the tests.

mod check;
mod deploy;
mod files;
mod pins;
mod workflows;

use std::process::Command;

use anyhow::{Result, bail};

use self::{
    check::{CLIPPY, Check, PIP, Report, cargo, linters, program},
    files::{files, scripts},
};
use crate::{progress::say, project, python, requirements};

const CHECKS: [Check; 12] = [
    Check {
        name: "rustfmt",
        program: "rustfmt",
        install: "rustup component add rustfmt",
        command: || cargo(&["fmt", "--all", "--check"]),
    },
    Check {
        name: "clippy",
        program: "cargo-clippy",
        install: CLIPPY,
        command: || cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    },
    // Not part of `--all-targets`, so that `cargo test` does not run them.
    Check {
        name: "clippy for container tests",
        program: "cargo-clippy",
        install: CLIPPY,
        command: || cargo(&["clippy", "--workspace", "--test=containers", "--", "-D", "warnings"]),
    },
    Check {
        name: "clippy for WASM",
        program: "cargo-clippy",
        install: CLIPPY,
        command: || {
            let target = "--target=wasm32-unknown-unknown";
            cargo(&["clippy", "--package=frontend", target, "--", "-D", "warnings"])
        },
    },
    Check {
        name: "rustdoc",
        program: "rustdoc",
        install: "install Rust through rustup",
        command: || cargo(&["doc", "--workspace", "--no-deps"]),
    },
    Check {
        name: "cargo deny",
        program: "cargo-deny",
        install: "cargo install --locked cargo-deny",
        command: || cargo(&["deny", "check", "bans", "licenses", "sources"]),
    },
    Check {
        name: "cargo machete",
        program: "cargo-machete",
        install: "cargo install --locked cargo-machete",
        command: || cargo(&["machete"]),
    },
    Check {
        name: "shellcheck",
        program: "shellcheck",
        install: "apt-get install shellcheck",
        command: || program("shellcheck", &[], scripts()?),
    },
    Check {
        name: "hadolint",
        program: "hadolint",
        install: PIP,
        command: || program("hadolint", &[], files(&["*Dockerfile"])?),
    },
    Check {
        name: "yamllint",
        program: "yamllint",
        install: PIP,
        command: || program("yamllint", &["--strict"], files(&["*.yaml", "*.yml"])?),
    },
    Check {
        name: "schema of GitHub workflows",
        program: "check-jsonschema",
        install: PIP,
        command: || schema("github-workflows", ".github/workflows/*"),
    },
    Check {
        name: "schema of GitHub actions",
        program: "check-jsonschema",
        install: PIP,
        command: || schema("github-actions", ".github/actions/*"),
    },
];

/// Only if the project uses Travis CI.
const TRAVIS: Check = Check {
    name: "schema of .travis.yml",
    program: "check-jsonschema",
    install: PIP,
    command: || schema("travis", ".travis.yml"),
};

pub(crate) fn lint() -> Result<()> {
    requirements::wasm_target()?;
    let lists = ["xtask/linters.txt", "deploy/linters.txt"].map(|list| project::root().join(list));
    let lists: Vec<_> = lists.into_iter().filter(|list| list.exists()).collect();
    if let Err(error) = python::install(&linters(), &lists) {
        say(format!("{error:#}"));
    }
    let mut report = Report::default();
    for check in &CHECKS {
        report.run(check)?;
    }
    if project::root().join(".travis.yml").exists() {
        report.run(&TRAVIS)?;
    }
    report.record("pinned versions", pins::check())?;
    workflows::check(&mut report)?;
    deploy::check(&mut report)?;
    if !report.failed.is_empty() {
        bail!("failed: {}", report.failed.join(", "));
    }
    if report.skipped.is_empty() {
        say("all checks passed");
    } else if project::variable("CI").is_some() {
        bail!("not installed, but required in CI: {}", report.skipped.join(", "));
    } else {
        say("all available checks passed; some were skipped");
    }
    Ok(())
}

fn schema(name: &str, pattern: &str) -> Result<Command> {
    let schema = format!("vendor.{name}");
    program("check-jsonschema", &["--quiet", "--builtin-schema", &schema], files(&[pattern])?)
}
