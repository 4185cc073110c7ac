//! `cargo xtask test deploy`: tests the deployment on an emulator of AWS.

use std::process;

use anyhow::Result;
use clap::Subcommand;
use xtask::{
    engine,
    images::{self, Names},
    progress::say,
    project, python,
    system_packages::{self, FOR_ARTIFACTS, FOR_DEPLOYMENT},
    test::{Leftovers, Selection, run_cargo_test},
};

/// Test the deployment
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Test the deployment to AWS
    ///
    /// Deploys the templates with the AWS CLI to a local emulator of AWS that runs the images on the
    /// container engine: both targets, an index computed there, a rollback, and destruction.
    /// `cargo xtask lint` checks the templates themselves. Needs Docker with Compose v2 and Python; the
    /// AWS CLI and the emulator are installed into .tools/.
    Deploy(Selection),
}

/// Builds the images and runs the tests.
pub(crate) fn run(Command::Deploy(Selection { filter, no_setup }): &Command) -> Result<()> {
    engine::check()?;
    system_packages::provide(FOR_ARTIFACTS, !no_setup)?;
    system_packages::provide(FOR_DEPLOYMENT, !no_setup)?;
    let tools = project::tools().join("aws");
    python::install(&tools, &[project::root().join("deploy/emulator/requirements.txt")])?;
    images::build(&[], &Names::from_environment(), true)?;
    say("testing");
    let leftovers = Leftovers(format!("fibstack-test-{}", process::id()));
    let mut cargo = project::cargo();
    // With the features of the whole workspace, to reuse earlier builds.
    cargo.args(["test", "--workspace", "--test=deploy"]).args(filter);
    // The tests take minutes, mostly waiting, so show the commands' output.
    cargo.args(["--", "--show-output", "--test-threads=2"]).env("FIBSTACK_TEST_PREFIX", &leftovers.0);
    run_cargo_test(cargo.env("FIBSTACK_AWS_TOOLS", tools.join("bin")))
}
