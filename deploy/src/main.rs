//! The commands about AWS and image registries, which `cargo xtask` forwards to this program.
//!
//! `cargo xtask deploy|connect`, `images push|login|mirror`, `db … --deployed` and `test deploy` run this program with
//! their arguments, and `env generate production` asks it for addresses. The [templates](deployment) describe what
//! exists on AWS; the code here decides in which order they become stacks, and passes values from one to the next.
//!
//! Bottom up: [`aws`] calls the AWS CLI, [`cloudformation`] manages one stack, [`system`] the stacks of one system.
//! [`fargate`] and [`beanstalk`] deploy, [`rollback`] undoes a deployment, [`destroy`] deletes, and [`smoke_test`]
//! proves that a deployment works.

mod addresses;
mod aws;
mod beanstalk;
mod bundle;
mod cloudformation;
mod connect;
mod data;
mod database;
mod deployment;
mod destroy;
mod emulation;
mod fargate;
mod http;
mod images;
mod logs;
mod network;
mod options;
mod parameters;
mod pause;
mod processor;
mod registry;
mod rollback;
mod services;
mod smoke_test;
mod status;
mod system;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crate::system::SystemName;

/// fibstack on AWS
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask", arg_required_else_help = true)]
enum Command {
    #[command(subcommand)]
    Deploy(deployment::Target),
    Connect(connect::Arguments),
    #[command(subcommand)]
    Images(images::Command),
    Db(database::Arguments),
    /// Print the addresses of a system's databases as environment variables
    #[command(hide = true)]
    Addresses(SystemName),
    #[command(subcommand)]
    Test(emulation::Command),
}

fn main() -> ExitCode {
    let command = Command::parse();
    xtask::exit_code(|| run(&command))
}

fn run(command: &Command) -> Result<()> {
    match command {
        Command::Deploy(target) => deployment::run(target),
        Command::Connect(arguments) => connect::run(arguments),
        Command::Images(command) => images::run(command),
        Command::Db(arguments) => database::run(arguments),
        Command::Addresses(system) => addresses::print(system),
        Command::Test(command) => emulation::run(command),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Command::command().debug_assert();
    }
}
