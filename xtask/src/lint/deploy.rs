//! Checks of `deploy/`, which do nothing in a project without that folder.

use std::{
    fs,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use throwaway::process::find_program;

use super::{
    check::{Report, cargo, linters, program},
    files::files,
};
use crate::{job::Job, project};

const TEMPLATES: [&str; 2] = ["deploy/*.yaml", ":!deploy/kubernetes"];

pub(super) fn check(report: &mut Report) -> Result<()> {
    if !project::root().join("deploy").is_dir() {
        return Ok(());
    }
    report.run("clippy for deployment tests", "cargo-clippy", || {
        cargo(&["clippy", "--workspace", "--test=deploy", "--", "-D", "warnings"])
    })?;
    report.run("cfn-lint", "cfn-lint", || program("cfn-lint", &[], files(&TEMPLATES)?))?;
    report.record("permissions boundaries", roles_are_bounded())?;
    if find_program("kubectl", &[]).is_none() {
        report.skip("Kubernetes manifests", "kubectl is not installed");
        return Ok(());
    }
    report.record("Kubernetes manifests", manifests())
}

/// The policy in access.yaml lets a deployment create only roles with a permissions boundary. The tests' emulator
/// enforces that, too, but takes minutes.
fn roles_are_bounded() -> Result<()> {
    let templates = [&TEMPLATES[..], &[":!deploy/access.yaml", ":!deploy/tests"]].concat();
    for path in &files(&templates)? {
        let text = fs::read_to_string(project::root().join(path))
            .with_context(|| format!("failed to read {}", path.display()))?;
        let roles = text.lines().filter(|line| line.trim_end().ends_with("Type: AWS::IAM::Role")).count();
        if roles != text.lines().filter(|line| line.contains("PermissionsBoundary: !If ")).count() {
            bail!(
                "{}: every role must have a PermissionsBoundary, as in the other templates",
                path.display()
            );
        }
    }
    Ok(())
}

/// Compares base and overlays with the schemas of Kubernetes. Kinds of the Gateway API are not checked.
fn manifests() -> Result<()> {
    let folder = project::root().join("deploy/kubernetes");
    let overlays = fs::read_dir(folder.join("overlays")).context("failed to list the overlays")?;
    let overlays = overlays.filter_map(|entry| Some(entry.ok()?.path()));
    for folder in overlays.chain([folder.join("base")]) {
        let output = Command::new("kubectl").arg("kustomize").arg(&folder).stdin(Stdio::null()).output()?;
        if !output.status.success() {
            bail!("{}: {}", folder.display(), String::from_utf8_lossy(&output.stderr).trim());
        }
        let file = linters().join("manifests.yaml");
        fs::write(&file, output.stdout).with_context(|| format!("failed to write {}", file.display()))?;
        let mut validate = program("kubernetes-validate", &["--strict", "--quiet"], vec![file])?;
        Job::new("kubernetes-validate").run(&mut validate)?;
    }
    Ok(())
}
