//! Known vulnerabilities of dependencies, from the RustSec database.

use std::{env, path::PathBuf};

use anyhow::Result;
use throwaway::process::find_program;

use super::check::{Report, cargo};
use crate::{job::Job, progress::say};

const NAME: &str = "security advisories";

/// Checks against the current database, or if it cannot be fetched, against a copy on this machine.
pub(super) fn check(report: &mut Report) -> Result<()> {
    let is_installed = find_program("cargo-deny", &[]).is_some();
    let fetched = if is_installed {
        Job::new("fetch the advisories").run(&mut cargo(&["deny", "fetch", "db"])?)
    } else {
        Ok(())
    };
    let arguments = match fetched {
        Ok(()) => ["deny", "check", "--disable-fetch", "advisories"],
        Err(_) if has_copy() => {
            say(format!("WARNING: {NAME}: could not be fetched; checking against an older copy"));
            ["deny", "--offline", "check", "advisories"]
        }
        Err(error) => {
            report.skip(NAME, &format!("WARNING: could not be fetched, so nothing was checked: {error:#}"));
            return Ok(());
        }
    };
    report.run(NAME, "cargo-deny", || cargo(&arguments))
}

/// Returns true if cargo-deny fetched a database before.
fn has_copy() -> bool {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(env::home_dir()?.join(".cargo")));
    let databases = home.and_then(|home| home.join("advisory-dbs").read_dir().ok());
    databases.is_some_and(|mut found| found.next().is_some())
}
