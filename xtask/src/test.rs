//! `cargo xtask test`: installs what the tests need and runs all of them.

mod containers;
mod snapshot;
mod tally;

use anyhow::Result;

use crate::{
    job::{self, Job},
    progress::say,
    project, requirements,
    site::{self, Profile},
    system_packages::{self, FOR_TESTS},
};

use self::snapshot::Snapshot;

pub(crate) use containers::test_containers;

pub use containers::Leftovers;
pub use tally::run;

pub(crate) fn test(filter: Option<&str>, package: Option<&str>, install: bool) -> Result<()> {
    system_packages::provide(FOR_TESTS, install)?;
    requirements::check()?;
    say("compiling servers, tests and the site");
    let building = job::both(compile, || site::build(Profile::Dev))?;
    let snapshot = Snapshot::take(&building)?;
    drop(building);
    say("testing");
    let mut cargo = project::cargo();
    cargo.args(["test", "--no-fail-fast"]);
    match package {
        Some(package) => cargo.args(["--package", package]),
        None => cargo.arg("--workspace"),
    };
    cargo.args(filter);
    // The binaries that tests of several processes start.
    cargo.env("FIBSTACK_BIN_DIR", snapshot.binaries());
    run(site::set_variables(&mut cargo, &snapshot.site()))
}

/// Compiles servers and tests together, with the same features as `cargo test`, which then has nothing to compile.
fn compile() -> Result<()> {
    Job::new("compile tests").run(project::cargo().args(["build", "--workspace", "--bins", "--tests"]))
}
