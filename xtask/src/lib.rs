//! `cargo xtask`: the daily work on this project, from the first run to the tests.
//!
//! One file per command: `run`, `dev`, `test`, `lint`, `bench`, `stack`, `database`, `environment`, `images`,
//! `artifacts`, `setup`. `command_line` parses the arguments; `external` passes commands about AWS to the crate
//! `deploy`. The public modules are those that `deploy` also uses.

mod arguments;
mod artifacts;
mod atomic_file;
mod bench;
pub mod child;
mod command_line;
pub mod confirm;
pub mod database;
mod dev;
mod dotenv;
pub mod engine;
mod environment;
mod external;
mod folder;
pub mod images;
pub mod job;
mod leptos;
mod lint;
mod output;
mod ports;
pub mod progress;
pub mod project;
mod public_url;
pub mod python;
mod requirements;
mod run;
mod setup;
mod site;
mod stack;
pub mod system_packages;
pub mod test;

use std::{env, process::ExitCode};

use anyhow::Result;
use clap::Parser;

use arguments::PassedOn;
use command_line::Command;

/// Runs what the command line asks for.
///
/// # Errors
/// Those of the command; [`child::Interrupted`] after Ctrl-C.
pub fn run() -> Result<()> {
    if external::is_about_deployed_database(env::args_os().skip(1)) {
        return external::deploy();
    }
    match Command::parse() {
        Command::Run { port } => run::run(port),
        Command::Dev { port } => dev::dev(port),
        Command::WatchWorker => {
            dev::watch_worker();
            Ok(())
        }
        Command::Test(arguments) => test::run(&arguments),
        Command::Screenshots => test::screenshots(),
        Command::Lint => lint::lint(),
        Command::Bench(PassedOn { arguments }) => bench::bench(&arguments),
        Command::Stack(action) => stack::run(&action),
        Command::Db(arguments) => database::run(&arguments),
        Command::Env(action) => environment::run(&action),
        Command::Images(images::Action::Build { parts, here }) => {
            images::build(&parts, &images::Names::from_environment(), here)
        }
        Command::Artifacts { folder } => artifacts::build(&folder.unwrap_or_else(artifacts::default_folder)),
        Command::Setup => setup::setup(),
        Command::Leptos(PassedOn { arguments }) => leptos::leptos(&arguments),
        Command::Deploy(_) | Command::Connect(_) | Command::Images(_) => external::deploy(),
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
