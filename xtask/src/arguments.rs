//! What `cargo xtask` is asked, and its help.

use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches, Command as Syntax, value_parser};

/// What `cargo xtask` is asked.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Command {
    Run { port: u16 },
    Dev { port: u16 },
    Test { filter: Option<String>, package: Option<String>, no_setup: bool },
    Lint,
    Setup { wasm_opt: bool },
    Leptos { arguments: Vec<OsString> },
}

const ABOUT: &str = "\
Everything one does with fibstack, from the first run to the tests.

Tools that are missing are installed into .tools/ in this project, pinned, prebuilt where that
works, else compiled from crates.io. Data goes to .data/. Deleting either folder is safe: the
tools come back at the next run, the data starts from nothing.";

const RUN: &str = "\
Needs Rust and a C compiler. No Postgres, no Redis, whatever the shell has set: the data is
in .data/. The first run sets up the tools and compiles everything, in about ten minutes on
two cores; the next ones start in seconds.";

const DEV: &str = "\
At http://127.0.0.1:3050: nginx in front, a server and a worker, a real Postgres and Redis of
their own, gone at the end. An edit shows in the browser by itself. Needs PostgreSQL, Redis
and nginx installed (`cargo xtask test` installs them on Debian and Ubuntu). For the same
without them, in one process: `cargo xtask leptos watch`.";

const TEST: &str = "\
Unit, property, contract, API and browser tests, each with throw-away servers of its own. On
Debian and Ubuntu it installs PostgreSQL, Redis, nginx, Chromium and chromedriver through
apt, as root or through sudo; elsewhere it says what to install.";

const LINT: &str = "\
rustfmt, clippy (also for WASM), rustdoc, cargo deny, cargo machete, shellcheck. A tool that
is not installed is skipped with a note; in CI (the variable CI is set) that is a failure.";

/// Reads the command line. Ends the program where it asks for help, or is wrong.
pub(crate) fn parse() -> Command {
    command(&syntax().get_matches())
}

fn syntax() -> Syntax {
    Syntax::new("cargo xtask")
        .bin_name("cargo xtask")
        .about(ABOUT.lines().next().unwrap_or_default().trim_end_matches('.'))
        .long_about(ABOUT)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([
            described(
                "run",
                "Build the release and serve the whole system from one process at http://127.0.0.1:3000",
                RUN,
            )
            .arg(port("3000", "The port to serve at")),
            described(
                "dev",
                "Run the whole system as it is in production, and rebuild and restart what is edited",
                DEV,
            )
            .arg(port("3050", "The port that nginx listens on")),
            described("test", "Set up what the tests need and run all of them", TEST).args([
                Arg::new("filter").value_name("FILTER").help("Run only tests whose names contain this"),
                Arg::new("package")
                    .short('p')
                    .long("package")
                    .value_name("PACKAGE")
                    .help("Run only this package's tests"),
                flag("no-setup", "Install nothing from the system's packages"),
            ]),
            described("lint", "Check formatting, lints, docs, dependencies and scripts", LINT),
            Syntax::new("setup")
                .about("Install the tools alone: the WASM target, cargo-leptos, wasm-bindgen, wasm-opt")
                .arg(flag("wasm-opt", "Compile wasm-opt (minutes) when no prebuilt one can be had")),
            Syntax::new("leptos")
                .about("`cargo leptos …` with the project's tools: `cargo xtask leptos watch`")
                .disable_help_flag(true)
                .arg(
                    Arg::new("arguments")
                        .value_name("ARGUMENTS")
                        .num_args(0..)
                        .trailing_var_arg(true)
                        .allow_hyphen_values(true)
                        .value_parser(value_parser!(OsString))
                        .help("Passed on"),
                ),
        ])
}

fn described(name: &'static str, what: &'static str, more: &'static str) -> Syntax {
    Syntax::new(name).about(what).long_about(format!("{what}\n\n{more}"))
}

fn port(default: &'static str, help: &'static str) -> Arg {
    Arg::new("port")
        .long("port")
        .value_name("PORT")
        .default_value(default)
        .value_parser(value_parser!(u16))
        .help(help)
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

fn command(matches: &ArgMatches) -> Command {
    let (name, matches) = matches.subcommand().expect("one is required");
    let port = || *matches.get_one("port").expect("it has a default");
    let text = |name| matches.get_one::<String>(name).cloned();
    match name {
        "run" => Command::Run { port: port() },
        "dev" => Command::Dev { port: port() },
        "test" => Command::Test {
            filter: text("filter"),
            package: text("package"),
            no_setup: matches.get_flag("no-setup"),
        },
        "lint" => Command::Lint,
        "setup" => Command::Setup { wasm_opt: matches.get_flag("wasm-opt") },
        "leptos" => Command::Leptos {
            arguments: matches.get_many("arguments").into_iter().flatten().cloned().collect(),
        },
        other => unreachable!("{other} is not a subcommand"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Command {
        command(&syntax().try_get_matches_from(line.split(' ')).unwrap())
    }

    #[test]
    fn every_command_is_understood() {
        syntax().debug_assert();
        assert_eq!(read("xtask run"), Command::Run { port: 3000 });
        assert_eq!(read("xtask run --port 8080"), Command::Run { port: 8080 });
        assert_eq!(read("xtask dev"), Command::Dev { port: 3050 });
        let (filter, package) = (Some("crash".to_owned()), Some("e2e".to_owned()));
        assert_eq!(
            read("xtask test crash -p e2e --no-setup"),
            Command::Test { filter, package, no_setup: true }
        );
        assert_eq!(read("xtask test"), Command::Test { filter: None, package: None, no_setup: false });
        assert_eq!(read("xtask lint"), Command::Lint);
        assert_eq!(read("xtask setup --wasm-opt"), Command::Setup { wasm_opt: true });
    }

    #[test]
    fn what_is_for_cargo_leptos_is_passed_on() {
        let arguments = ["build", "--release", "--help"].map(OsString::from).to_vec();
        assert_eq!(read("xtask leptos build --release --help"), Command::Leptos { arguments });
        assert_eq!(read("xtask leptos"), Command::Leptos { arguments: Vec::new() });
    }

    #[test]
    fn a_wrong_port_is_refused() {
        let error = syntax().try_get_matches_from(["xtask", "run", "--port", "70000"]).unwrap_err();
        assert!(error.to_string().contains("70000"), "{error}");
        assert!(syntax().try_get_matches_from(["xtask"]).is_err());
    }
}
