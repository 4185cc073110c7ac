//! `cargo xtask`: everything one does with this project, from the first run to the tests.
//!
//! One file per command ([`run`], [`mod@test`], [`lint`], [`dev`], [`stack`], [`database`], [`environment`], [`images`],
//! [`artifacts`], [`mod@bench`], [`deploy`], [`connect`]), and beside them what they share: [`arguments`] reads the command line,
//! [`child`] and [`job`] run programs, [`engine`] runs docker, [`aws`] the AWS CLI, [`progress`] tells the person,
//! [`public_url`] knows forwarded ports, [`requirements`] and [`system_packages`] provide what must be installed.

use std::process::ExitCode;

use anyhow::Result;

mod arguments;
mod artifacts;
mod aws;
mod bench;
mod child;
mod cloudformation;
mod confirm;
mod connect;
mod database;
mod deploy;
mod dev;
mod dotenv;
mod engine;
mod environment;
mod folder;
mod images;
mod job;
mod leptos;
mod lint;
mod ports;
mod progress;
mod project;
mod public_url;
mod requirements;
mod run;
mod site;
mod stack;
mod system_packages;
mod test;
mod whole_file;

fn main() -> ExitCode {
    match run_command() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<child::Interrupted>() => {
            progress::say(error);
            // As a shell reports a program that Ctrl-C ended.
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run_command() -> Result<()> {
    use arguments::Command;

    let command = arguments::parse();
    progress::start();
    child::listen_to_signals()?;
    match command {
        Command::Run { port } => run::run(port),
        Command::Dev { port } => dev::dev(port),
        Command::WatchWorker => {
            dev::watch_worker();
            Ok(())
        }
        Command::Test { filter, package, no_setup } => {
            test::test(filter.as_deref(), package.as_deref(), !no_setup)
        }
        Command::TestDeploy { filter, no_setup } => test::test_deploy(filter.as_deref(), !no_setup),
        Command::TestContainers { filter, no_setup } => test::test_containers(filter.as_deref(), !no_setup),
        Command::Lint => lint::lint(),
        Command::Stack(action) => stack::run(&action),
        Command::Database(request) => database::run(&request),
        Command::Environment(action) => environment::run(&action),
        Command::Images(action) => images::run(&action),
        Command::Deploy(request) => deploy::run(&request),
        Command::Connect { system, part, task } => connect::connect(&system, part, task.as_deref()),
        Command::Artifacts { folder } => artifacts::build(&folder.unwrap_or_else(artifacts::default_folder)),
        Command::Bench { filter } => bench::bench(filter.as_deref()),
        Command::Setup => requirements::setup(),
        Command::Leptos { arguments } => leptos::leptos(&arguments),
    }
}
