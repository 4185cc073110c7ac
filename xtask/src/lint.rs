//! `cargo xtask lint`: everything that CI checks besides the tests.

mod advisories;
mod check;
mod deploy;
mod files;
mod pins;
mod workflows;

use anyhow::Result;

use self::{
    check::{Report, cargo, linters, program},
    files::{files, scripts},
};
use crate::{progress::say, project, python, requirements};

/// Schemas of files for CI, and the files, if the project has them.
const SCHEMAS: [(&str, &str); 4] = [
    ("github-workflows", ".github/workflows/*"),
    ("github-actions", ".github/actions/*"),
    ("renovate", "renovate.json"),
    ("travis", ".travis.yml"),
];

pub(crate) fn lint() -> Result<()> {
    files::check_git()?;
    requirements::wasm_target()?;
    let lists = ["xtask/linters.txt", "deploy/linters.txt"].map(|list| project::root().join(list));
    let lists: Vec<_> = lists.into_iter().filter(|list| list.exists()).collect();
    if let Err(error) = python::install(&linters(), &lists) {
        say(format!("{error:#}"));
    }
    let mut report = Report::default();
    rust(&mut report)?;
    report.run("shellcheck", "shellcheck", || program("shellcheck", &[], scripts()?))?;
    report.run("hadolint", "hadolint", || program("hadolint", &[], files(&["*Dockerfile"])?))?;
    report
        .run("yamllint", "yamllint", || program("yamllint", &["--strict"], files(&["*.yaml", "*.yml"])?))?;
    for (name, pattern) in SCHEMAS {
        let files = files(&[pattern])?;
        if !files.is_empty() {
            let schema = format!("vendor.{name}");
            report.run(&format!("schema of {pattern}"), "check-jsonschema", || {
                program("check-jsonschema", &["--quiet", "--builtin-schema", &schema], files)
            })?;
        }
    }
    advisories::check(&mut report)?;
    report.record("pinned versions", pins::check())?;
    workflows::check(&mut report)?;
    deploy::check(&mut report)?;
    say(report.conclusion(project::variable("CI").is_some())?);
    Ok(())
}

fn rust(report: &mut Report) -> Result<()> {
    report.run("rustfmt", "rustfmt", || cargo(&["fmt", "--all", "--check"]))?;
    for (name, selection) in [
        ("clippy", ["--workspace", "--all-targets"]),
        // Not part of `--all-targets`, so that `cargo test` does not run them.
        ("clippy for container tests", ["--workspace", "--test=containers"]),
        ("clippy for WASM", ["--package=frontend", "--target=wasm32-unknown-unknown"]),
    ] {
        report.run(name, "cargo-clippy", || {
            cargo(&[&["clippy"][..], &selection, &["--", "-D", "warnings"]].concat())
        })?;
    }
    report.run("rustdoc", "rustdoc", || cargo(&["doc", "--workspace", "--no-deps"]))?;
    report.run("cargo deny", "cargo-deny", || cargo(&["deny", "check", "bans", "licenses", "sources"]))?;
    report.run("cargo machete", "cargo-machete", || cargo(&["machete"]))
}
