//! `cargo xtask test deploy`: tests the deployment on an emulator of AWS.

use std::{
    fs,
    path::PathBuf,
    process::{self, Command as Program},
};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use xtask::{
    engine,
    images::{self, Compiled, Names},
    job::Job,
    progress::say,
    project,
    system_packages::{self, FOR_ARTIFACTS, FOR_DEPLOYMENT},
    test::{self, Leftovers},
};

/// Test the deployment
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Test the deployment to AWS
    ///
    /// Deploys the templates with the AWS CLI to a local emulator of AWS that runs the images on the
    /// container engine: both targets, an index computed there, a rollback, and destruction.
    /// `cargo xtask lint` checks the templates themselves. Needs Docker with Compose v2 and Python; the
    /// AWS CLI and the emulator are installed into .tools/.
    Deploy {
        /// Run only tests whose names contain this
        filter: Option<String>,
        /// Install nothing from the system's packages
        #[arg(long)]
        no_setup: bool,
    },
}

/// Builds the images and runs the tests.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Command::Deploy { filter, no_setup } = &arguments.command;
    engine::check()?;
    system_packages::provide(FOR_ARTIFACTS, !no_setup)?;
    system_packages::provide(FOR_DEPLOYMENT, !no_setup)?;
    let tools = python_tools()?;
    images::build(&[], &Names::from_environment(), Compiled::Here)?;
    say("testing");
    let leftovers = Leftovers(format!("fibstack-test-{}", process::id()));
    let mut cargo = project::cargo();
    // With the features of the whole workspace, to reuse what is compiled already.
    cargo.args(["test", "--workspace", "--test=deploy"]).args(filter);
    // The tests take minutes, mostly waiting, and what the commands print is worth reading.
    cargo.args(["--", "--show-output", "--test-threads=2"]).env("FIBSTACK_TEST_PREFIX", &leftovers.0);
    test::run(cargo.env("FIBSTACK_AWS_TOOLS", &tools))
}

/// Installs the AWS CLI and the emulator into a Python environment of the project, and returns the folder of
/// the programs.
fn python_tools() -> Result<PathBuf> {
    let folder = project::tools().join("aws");
    let list = project::root().join("deploy/emulator/requirements.txt");
    let required = fs::read_to_string(&list).with_context(|| format!("failed to read {}", list.display()))?;
    let installed = folder.join("installed.txt");
    if fs::read_to_string(&installed).ok().as_ref() != Some(&required) {
        say("installing the AWS CLI and the emulator of AWS into .tools/aws");
        Job::new("python environment")
            .run(Program::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        let pip = folder.join("bin/pip");
        Job::new("pip")
            .run(Program::new(pip).args(["install", "--progress-bar=off", "--requirement"]).arg(&list))?;
        fs::write(&installed, &required)
            .with_context(|| format!("failed to write {}", installed.display()))?;
    }
    Ok(folder.join("bin"))
}
