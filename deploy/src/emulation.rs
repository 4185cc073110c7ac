//! `cargo xtask test deploy`: checks the templates and tests the deployment on an emulator of AWS.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{self, Command as Program},
};

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};
use xtask::{
    engine,
    images::{self, Compiled, Names},
    job::Job,
    progress::say,
    project,
    setup::Toolbox,
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
    /// Test the templates and the deployment to AWS
    ///
    /// Checks the templates with cfn-lint, and deploys them with the AWS CLI to a local emulator of AWS
    /// that runs the images on the container engine: both targets, an index computed there, a rollback,
    /// and destruction. Needs Docker with Compose v2 and Python; the AWS CLI, the emulator and cfn-lint
    /// are installed into .tools/.
    Deploy {
        /// Run only tests whose names contain this
        filter: Option<String>,
        /// Install nothing from the system's packages
        #[arg(long)]
        no_setup: bool,
    },
}

/// Checks the templates, builds the images, and runs the tests.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let Command::Deploy { filter, no_setup } = &arguments.command;
    engine::check()?;
    system_packages::provide(FOR_ARTIFACTS, !no_setup)?;
    system_packages::provide(FOR_DEPLOYMENT, !no_setup)?;
    let tools = python_tools()?;
    Job::new("cfn-lint")
        .run(Program::new(tools.join("cfn-lint")).args(templates()?).current_dir(project::root()))?;
    say("cfn-lint: ok");
    images::build(&[], &Names::from_environment(), Compiled::Here)?;
    say("testing");
    let leftovers = Leftovers(format!("fibstack-test-{}", process::id()));
    let mut cargo = Toolbox::cargo();
    // With the features of the whole workspace, to reuse what is compiled already.
    cargo.args(["test", "--workspace", "--test=deploy"]).args(filter);
    // The tests take minutes, mostly waiting, and what the commands print is worth reading.
    cargo.args(["--", "--show-output", "--test-threads=2"]).env("FIBSTACK_TEST_PREFIX", &leftovers.0);
    test::run(cargo.env("FIBSTACK_AWS_TOOLS", &tools))
}

/// Installs the AWS CLI, the emulator and cfn-lint into a Python environment of the project, and returns the folder of
/// the programs.
fn python_tools() -> Result<PathBuf> {
    let folder = project::tools().join("aws");
    let list = project::root().join("deploy/emulator/requirements.txt");
    let required = fs::read_to_string(&list).with_context(|| format!("failed to read {}", list.display()))?;
    let installed = folder.join("installed.txt");
    if fs::read_to_string(&installed).ok().as_ref() != Some(&required) {
        say("installing the AWS CLI, the emulator of AWS and cfn-lint into .tools/aws");
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

/// Returns all CloudFormation templates.
fn templates() -> Result<Vec<PathBuf>> {
    let mut templates = Vec::new();
    for folder in ["deploy", "deploy/fargate"] {
        let entries = fs::read_dir(project::root().join(folder));
        let entries = entries.with_context(|| format!("failed to list {folder}"))?;
        let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        templates.extend(paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")));
    }
    let has = |name: &str| templates.iter().any(|path: &PathBuf| path.ends_with(Path::new(name)));
    ensure!(has("data.yaml") && has("fargate/server.yaml"), "the templates are missing in deploy/");
    Ok(templates)
}
