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
    match arguments(fetched, has_copy(), report) {
        Some(arguments) => report.run(NAME, "cargo-deny", || cargo(&arguments)),
        None => Ok(()),
    }
}

/// Returns the arguments of cargo; `None` if there is no database, and then the check counts as skipped.
fn arguments(fetched: Result<()>, has_copy: bool, report: &mut Report) -> Option<[&'static str; 4]> {
    match fetched {
        Ok(()) => Some(["deny", "check", "--disable-fetch", "advisories"]),
        Err(_) if has_copy => {
            say(format!("WARNING: {NAME}: could not be fetched; checking against an older copy"));
            Some(["deny", "--offline", "check", "advisories"])
        }
        Err(error) => {
            report.skip(NAME, &format!("WARNING: could not be fetched, so nothing was checked: {error:#}"));
            None
        }
    }
}

/// Returns true if cargo-deny fetched a database before.
fn has_copy() -> bool {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(env::home_dir()?.join(".cargo")));
    let databases = home.and_then(|home| home.join("advisory-dbs").read_dir().ok());
    databases.is_some_and(|mut found| found.next().is_some())
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn a_missing_database_fails_in_ci() {
        let mut report = Report::default();
        assert!(arguments(Ok(()), false, &mut report).unwrap().contains(&"--disable-fetch"));
        assert!(arguments(Err(anyhow!("offline")), true, &mut report).unwrap().contains(&"--offline"));
        assert_eq!(report.conclusion(true).unwrap(), "all checks passed");
        assert_eq!(arguments(Err(anyhow!("offline")), false, &mut report), None);
        let error = report.conclusion(true).unwrap_err().to_string();
        assert_eq!(error, "skipped, but required in CI: security advisories");
        assert!(report.conclusion(false).unwrap().contains("some were skipped"));
    }
}
