//! `cargo xtask deploy`: fibstack on AWS, from nothing to a computed number and back to nothing.
//!
//! What is there is described by the templates in `deploy/`; here stands in which order they become stacks, and what
//! goes from one into the next. [`fargate`] and [`beanstalk`] are the two ways to run, around the same data.

mod beanstalk;
mod bundle;
pub(crate) mod data;
pub(crate) mod delivery;
mod fargate;
mod logs;
mod network;
mod removal;
pub(crate) mod services;
mod submission;
mod system;

use std::{collections::BTreeSet, fs};

use anyhow::{Context, Result, bail};

use crate::{
    cloudformation::Values,
    images::{Compiled, Part},
    project,
};

pub(crate) use self::system::System;

/// Where fibstack runs on AWS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Target {
    Beanstalk,
    Fargate,
}

/// Which of Beanstalk's platforms.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Platform {
    Docker,
    Ecs,
}

/// What is asked of a deployment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Request {
    pub(crate) target: Target,
    /// What the names of everything begin with.
    pub(crate) system: String,
    pub(crate) action: Action,
    /// Only these parts; all if there are none.
    pub(crate) only: Vec<Part>,
    /// Asked beforehand.
    pub(crate) yes: bool,
}

/// What to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    Deploy(Box<Options>),
    Rollback,
    Status,
    Logs { all: bool },
    Pause,
    Resume,
    NewTasks,
    Destroy { data: bool },
}

/// How to deploy.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Options {
    /// Where the images come from; nothing is built if they are in the registry.
    pub(crate) compiled: Option<Compiled>,
    /// Parameters of the templates.
    pub(crate) set: Values,
    pub(crate) domain: Option<String>,
    pub(crate) debug: bool,
    pub(crate) platform: Platform,
    pub(crate) vpc: Option<String>,
    pub(crate) subnets: Option<String>,
}

/// Fails if no template has a parameter of such a name, before anything is done.
fn check_names(set: &Values) -> Result<()> {
    let mut names = BTreeSet::new();
    for folder in ["deploy", "deploy/fargate"] {
        for entry in fs::read_dir(project::root().join(folder)).with_context(|| format!("list {folder}"))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                names.extend(parameters_in(&fs::read_to_string(&path).context("read a template")?));
            }
        }
    }
    match set.keys().find(|name| !names.contains(*name)) {
        None => Ok(()),
        Some(name) => {
            let known = names.into_iter().collect::<Vec<_>>().join(", ");
            bail!("no template has a parameter {name}. There are: {known}")
        }
    }
}

/// The names under `Parameters:`, two blanks in.
fn parameters_in(template: &str) -> Vec<String> {
    let lines = template.lines().skip_while(|line| *line != "Parameters:").skip(1);
    let lines = lines.take_while(|line| line.is_empty() || line.starts_with(' '));
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'));
    names.filter(|name| name.chars().all(|it| it.is_ascii_alphanumeric())).map(str::to_owned).collect()
}

/// Does what is asked.
pub(crate) fn run(request: &Request) -> Result<()> {
    if let Action::Deploy(options) = &request.action {
        check_names(&options.set)?;
    }
    let system = System::open(&request.system)?;
    match (request.target, &request.action) {
        (Target::Fargate, Action::Deploy(options)) => fargate::deploy(&system, options, &request.only),
        (Target::Fargate, Action::Rollback) => fargate::roll_back(&system, &request.only),
        (Target::Fargate, Action::Status) => fargate::status(&system),
        (Target::Fargate, Action::Logs { all }) => fargate::logs(&system, &request.only, *all),
        (Target::Fargate, Action::Pause) => fargate::pause(&system),
        (Target::Fargate, Action::Resume) => fargate::resume(&system),
        (Target::Fargate, Action::NewTasks) => fargate::new_tasks(&system, &request.only),
        (Target::Beanstalk, Action::Deploy(options)) => beanstalk::deploy(&system, options),
        (Target::Beanstalk, Action::Rollback) => beanstalk::roll_back(&system),
        (Target::Beanstalk, Action::Status) => beanstalk::status(&system),
        (Target::Beanstalk, Action::Logs { all }) => beanstalk::logs(&system, *all),
        (target, Action::Destroy { data }) => removal::destroy(&system, target, *data, request.yes),
        (Target::Beanstalk, Action::Pause | Action::Resume | Action::NewTasks) => {
            unreachable!("the command line does not take these for Beanstalk")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_parameter_is_refused_before_anything_is_done() {
        let set = |name: &str| [(name.to_owned(), "1".to_owned())].into();
        assert!(check_names(&set("WorkerMaxCount")).is_ok());
        let error = check_names(&set("WorkerMaximum")).unwrap_err().to_string();
        assert!(error.contains("WorkerMaximum") && error.contains("WorkerMaxCount"), "{error}");
    }
}
