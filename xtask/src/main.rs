//! `cargo xtask`: everything one does with this project, from the first run to the tests.
//!
//! One file per command ([`run`], [`mod@test`], [`lint`], [`dev`], [`setup`]), and beside them what they
//! share: [`child`] and [`job`] run programs, [`progress`] tells the person, [`tools`] knows versions.

use std::{ffi::OsString, process::ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand};

mod child;
mod dev;
mod job;
mod lint;
mod ports;
mod progress;
mod project;
mod run;
mod setup;
mod site;
mod system_packages;
mod test;
mod tools;
mod wasm_opt;

/// Everything one does with fibstack, from the first run to the tests.
///
/// Tools that are missing are installed into .tools/ in this project, pinned, prebuilt where that
/// works, else compiled from crates.io. Data goes to .data/. Deleting either folder is safe: the
/// tools come back at the next run, the data starts from nothing.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", verbatim_doc_comment)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the release and serve the whole system from one process at http://127.0.0.1:3000
    ///
    /// Needs Rust and a C compiler. No Postgres, no Redis, whatever the shell has set: the data is
    /// in .data/. The first run sets up the tools and compiles everything, in about ten minutes on
    /// two cores; the next ones start in seconds.
    #[command(verbatim_doc_comment)]
    Run {
        /// The port to serve at
        #[arg(long, default_value_t = 3000)]
        port: u16,
    },
    /// Run the whole system as it is in production, and rebuild and restart what is edited
    ///
    /// At http://127.0.0.1:3050: nginx in front, a server and a worker, a real Postgres and Redis of
    /// their own, gone at the end. An edit shows in the browser by itself. Needs PostgreSQL, Redis
    /// and nginx installed (`cargo xtask test` installs them on Debian and Ubuntu). For the same
    /// without them, in one process: `cargo xtask leptos watch`.
    #[command(verbatim_doc_comment)]
    Dev {
        /// The port that nginx listens on
        #[arg(long, default_value_t = 3050)]
        port: u16,
    },
    /// Set up what the tests need and run all of them
    ///
    /// Unit, property, contract, API and browser tests, each with throw-away servers of its own. On
    /// Debian and Ubuntu it installs PostgreSQL, Redis, nginx, Chromium and chromedriver through
    /// apt, as root or through sudo; elsewhere it says what to install.
    #[command(verbatim_doc_comment)]
    Test {
        /// Run only tests whose names contain this
        filter: Option<String>,
        /// Run only this package's tests
        #[arg(short, long)]
        package: Option<String>,
        /// Install nothing from the system's packages
        #[arg(long)]
        no_setup: bool,
    },
    /// Check formatting, lints, docs, dependencies and scripts
    ///
    /// rustfmt, clippy (also for WASM), rustdoc, cargo deny, cargo machete, shellcheck. A tool that
    /// is not installed is skipped with a note; in CI (the variable CI is set) that is a failure.
    #[command(verbatim_doc_comment)]
    Lint,
    /// Install the tools alone: the WASM target, cargo-leptos, wasm-bindgen, wasm-opt
    Setup {
        /// Compile wasm-opt (minutes) when no prebuilt one can be had
        #[arg(long)]
        wasm_opt: bool,
    },
    /// `cargo leptos …` with the project's tools: `cargo xtask leptos watch`
    #[command(disable_help_flag = true)]
    Leptos {
        /// Passed on
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    match run_command(Arguments::parse().command) {
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

fn run_command(command: Command) -> Result<()> {
    progress::start();
    child::listen_to_signals()?;
    match command {
        Command::Run { port } => run::run(port),
        Command::Dev { port } => dev::dev(port),
        Command::Test { filter, package, no_setup } => {
            test::test(filter.as_deref(), package.as_deref(), !no_setup)
        }
        Command::Lint => lint::lint(),
        Command::Setup { wasm_opt } => setup::only(wasm_opt),
        Command::Leptos { arguments } => setup::leptos(&arguments),
    }
}
