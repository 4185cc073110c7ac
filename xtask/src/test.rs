//! `cargo xtask test`: installs what the tests need and runs all of them.

mod containers;
mod snapshot;
mod tally;

use std::process::Command;

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::{
    arguments::PassedOn,
    external,
    job::{self, Job},
    progress::say,
    project, requirements,
    site::{self, Profile},
    system_packages::{self, FOR_TESTS},
};

use self::snapshot::Snapshot;

pub use crate::arguments::Selection;
pub use containers::Leftovers;
pub use tally::run as run_cargo_test;

/// Set up what the tests need and run all of them
///
/// Unit, property, contract, API and browser tests, each with throwaway servers of its own. On Debian and Ubuntu it
/// installs PostgreSQL, Redis, nginx, Chromium and chromedriver through apt, as root or through sudo; elsewhere it
/// prints what to install.
///
/// `cargo xtask test containers` and `cargo xtask test deploy` are separate because they need a container engine.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    suite: Option<Suite>,
    #[command(flatten)]
    selection: Selection,
    /// Run only this package's tests
    #[arg(short, long)]
    package: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Suite {
    /// Build the images and test the Compose stacks
    ///
    /// Builds the images from binaries compiled on this machine, starts the Compose stacks on the container engine,
    /// and visits, kills, pauses, scales, stops and restores them. Needs Docker with Compose v2 and
    /// musl-tools, besides what the other tests need.
    Containers(Selection),
    /// Test the deployment to AWS
    #[command(disable_help_flag = true)]
    Deploy(PassedOn),
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.suite {
        None => test(&arguments.selection, arguments.package.as_deref()),
        Some(Suite::Containers(selection)) => containers::test(selection),
        Some(Suite::Deploy(_)) => external::deploy(),
    }
}

fn test(Selection { filter, no_setup }: &Selection, package: Option<&str>) -> Result<()> {
    let snapshot = prepare(!no_setup)?;
    say("testing");
    let mut cargo = project::cargo();
    cargo.args(["test", "--no-fail-fast"]);
    match package {
        Some(package) => cargo.args(["--package", package]),
        None => cargo.arg("--workspace"),
    };
    cargo.args(filter);
    run_cargo_test(snapshot.set_variables(&mut cargo))
}

/// Replaces the screenshots in `docs/screenshots`.
pub(crate) fn screenshots() -> Result<()> {
    let snapshot = prepare(true)?;
    let mut program = Command::new(project::target().join(Profile::Dev.folder()).join("screenshots"));
    Job::new("screenshots").run(snapshot.set_variables(&mut program))
}

/// Installs what the tests need, and compiles everything.
fn prepare(install: bool) -> Result<Snapshot> {
    system_packages::provide(FOR_TESTS, install)?;
    requirements::check()?;
    say("compiling servers, tests and the site");
    let building = job::both(compile, || site::build(Profile::Dev))?;
    Snapshot::take(&building)
}

/// Compiles servers and tests together, with the same features as `cargo test`, which then has nothing to compile.
fn compile() -> Result<()> {
    Job::new("compile tests").run(project::cargo().args(["build", "--workspace", "--bins", "--tests"]))
}
