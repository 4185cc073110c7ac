//! `cargo xtask test deploy`: the templates, and the deployment to AWS, on an emulator.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process,
    process::Command,
};

use anyhow::{Context, Result, bail};

use super::containers::Leftovers;
use crate::{
    engine,
    images::{self, Compiled, Names},
    job::Job,
    progress::say,
    project,
    system_packages::{self, FOR_ARTIFACTS, FOR_DEPLOYMENT},
};

/// Checks the templates, builds the images, and deploys them.
pub(crate) fn test_deploy(filter: Option<&str>, install: bool) -> Result<()> {
    // Now, since a build may replace it, and then it has another name.
    let program = env::current_exe().context("find this program")?;
    engine::check()?;
    system_packages::provide(FOR_ARTIFACTS, install)?;
    system_packages::provide(FOR_DEPLOYMENT, install)?;
    let tools = python_tools()?;
    Job::new("cfn-lint")
        .run(Command::new(tools.join("cfn-lint")).args(templates()?).current_dir(project::root()))?;
    say("cfn-lint finds nothing in the templates");
    images::build(&[], &Names::from_environment(), Compiled::Here)?;
    say("testing");
    let left = Leftovers(format!("fibstack-test-{}", process::id()));
    let mut cargo = project::cargo();
    cargo.args(["test", "--workspace", "--test=deploy"]).args(filter);
    // They take minutes, most of them waiting; what the commands said meanwhile is worth reading.
    cargo.args(["--", "--show-output", "--test-threads=2"]).env("FIBSTACK_TEST_PREFIX", &left.0);
    cargo.env("FIBSTACK_AWS_TOOLS", &tools);
    cargo.env("FIBSTACK_XTASK", program);
    super::run(&mut cargo)
}

/// The AWS CLI, the emulator and cfn-lint, in a Python environment of the project. Says where the programs are.
fn python_tools() -> Result<PathBuf> {
    let folder = project::tools().join("aws");
    let list = project::root().join("e2e/aws/requirements.txt");
    let wanted = fs::read_to_string(&list).with_context(|| format!("read {}", list.display()))?;
    let installed = folder.join("installed.txt");
    if fs::read_to_string(&installed).ok().as_ref() != Some(&wanted) {
        say("installing the AWS CLI, the emulator of AWS and cfn-lint into .tools/aws");
        Job::new("python environment")
            .run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        let pip = folder.join("bin/pip");
        Job::new("pip")
            .run(Command::new(pip).args(["install", "--progress-bar=off", "--requirement"]).arg(&list))?;
        fs::write(&installed, &wanted).with_context(|| format!("write {}", installed.display()))?;
    }
    Ok(folder.join("bin"))
}

/// All templates of CloudFormation.
fn templates() -> Result<Vec<PathBuf>> {
    let mut templates = Vec::new();
    for folder in ["deploy", "deploy/fargate"] {
        let listed = fs::read_dir(project::root().join(folder)).with_context(|| format!("list {folder}"))?;
        let paths = listed.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        templates.extend(paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")));
    }
    let has = |name: &str| templates.iter().any(|path: &PathBuf| path.ends_with(Path::new(name)));
    if !has("data.yaml") || !has("fargate/server.yaml") {
        bail!("the templates are not where they should be");
    }
    Ok(templates)
}
