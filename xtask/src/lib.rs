//! `cargo xtask`: the daily work on this project, from the first run to the tests.
//!
//! One file per command: `run`, `dev`, `test`, `lint`, `bench`, `stack`, `database`, `environment`, `images`, `artifacts`,
//! `setup`. `command_line` parses the arguments; `external` passes commands about AWS to the crate `deploy`. The public
//! modules are those that `deploy` also uses.

pub mod arguments;
mod artifacts;
mod bench;
pub mod child;
mod command_line;
pub mod confirm;
pub mod database;
mod dev;
mod dotenv;
pub mod engine;
pub mod environment;
mod external;
mod folder;
pub mod images;
pub mod job;
mod leptos;
mod lint;
mod ports;
pub mod progress;
pub mod project;
mod public_url;
mod requirements;
mod run;
mod setup;
mod site;
mod stack;
pub mod system_packages;
pub mod test;
mod whole_file;

use std::process::ExitCode;

use anyhow::Result;

use command_line::Command;

/// Runs what the command line asks for.
///
/// # Errors
/// Those of the command; [`child::Interrupted`] after Ctrl-C.
pub fn run() -> Result<()> {
    match command_line::parse() {
        Command::Run { port } => run::run(port),
        Command::Dev { port } => dev::dev(port),
        Command::WatchWorker => {
            dev::watch_worker();
            Ok(())
        }
        Command::Test { filter, package, no_setup } => {
            test::test(filter.as_deref(), package.as_deref(), !no_setup)
        }
        Command::TestContainers { filter, no_setup } => test::test_containers(filter.as_deref(), !no_setup),
        Command::Lint => lint::lint(),
        Command::Stack(action) => stack::run(&action),
        Command::Database { action, yes } => database::run(&action, yes),
        Command::Environment(action) => environment::run(&action),
        Command::BuildImages { parts, compiled } => {
            images::build(&parts, &images::Names::from_environment(), compiled)
        }
        Command::External(arguments) => external::deploy(&arguments),
        Command::Artifacts { folder } => artifacts::build(&folder.unwrap_or_else(artifacts::default_folder)),
        Command::Bench { filter } => bench::bench(filter.as_deref()),
        Command::Setup => setup::setup(),
        Command::Leptos { arguments } => leptos::leptos(&arguments),
    }
}

/// Runs a program's command and turns its result into an exit code, after a message if it failed.
#[must_use]
pub fn exit_code(command: impl FnOnce() -> Result<()>) -> ExitCode {
    progress::start();
    match child::listen_to_signals().and_then(|()| command()) {
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
