//! `cargo xtask deploy`: fibstack on AWS, from nothing to a computed number and back to nothing.
//!
//! What is there is described by the templates in `deploy/`; here stands in which order they become stacks, and what
//! goes from one into the next. [`fargate`] and [`beanstalk`] are the two ways to run, around the same data.

mod beanstalk;
mod bundle;
pub(crate) mod delivery;
mod fargate;
mod logs;
mod network;
mod removal;
pub(crate) mod services;
mod submission;
mod system;

use anyhow::Result;

use crate::{
    cloudformation::Values,
    images::{Compiled, Part},
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

/// Does what is asked.
pub(crate) fn run(request: &Request) -> Result<()> {
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
