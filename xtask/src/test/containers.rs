//! `cargo xtask test containers`: tests the images and the Compose stacks.

use std::process;

use anyhow::Result;

use super::tally;
use crate::{
    arguments::Selection,
    engine::{self, docker},
    images::{self, Names},
    progress::say,
    project,
    system_packages::{self, FOR_ARTIFACTS, FOR_TESTS},
};

/// Builds the images and tests them.
pub(super) fn test(Selection { filter, no_setup }: &Selection) -> Result<()> {
    engine::check()?;
    system_packages::provide(FOR_TESTS, !no_setup)?;
    system_packages::provide(FOR_ARTIFACTS, !no_setup)?;
    images::build(&[], &Names::from_environment(), true)?;
    say("testing");
    let left = Leftovers(format!("fibstack-test-{}", process::id()));
    let mut cargo = project::cargo();
    // With the features of the whole workspace, like what was compiled before.
    cargo.args(["test", "--workspace", "--test=containers"]).args(filter);
    // Their output includes measurements.
    cargo.args(["--", "--show-output"]).env("FIBSTACK_TEST_PREFIX", &left.0);
    tally::run(&mut cargo)
}

/// Removes, when dropped, every container, network and volume whose name starts with this prefix: killed tests leave
/// some behind.
#[derive(Debug)]
pub struct Leftovers(pub String);

impl Drop for Leftovers {
    fn drop(&mut self) {
        // In this order, because containers hold networks and volumes.
        for (list, remove) in [
            (["ps", "--all"].as_slice(), ["rm", "--force", "--volumes"].as_slice()),
            (&["network", "ls"], &["network", "rm"]),
            (&["volume", "ls"], &["volume", "rm"]),
        ] {
            let filter = format!("--filter=name=^/?{}", self.0);
            let Ok(output) = docker().args(list).args(["--quiet", &filter]).output() else { continue };
            let listed = String::from_utf8_lossy(&output.stdout).into_owned();
            let ids: Vec<_> = listed.split_whitespace().collect();
            if !ids.is_empty() {
                let _ = docker().args(remove).args(ids).output();
            }
        }
    }
}
