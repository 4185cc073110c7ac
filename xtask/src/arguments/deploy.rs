//! `cargo xtask deploy …` and `cargo xtask connect …`.

use std::env;

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command as Syntax};

use super::{Command, described, flag, images, one_of};
use crate::{
    cloudformation::Values,
    deploy::{Action, Options, Platform, Request, Target},
    images::Part,
};

const DEPLOY: &str = "\
Builds the images and pushes them, makes or changes the stacks of CloudFormation (deploy/), waits
until all of it runs, and submits an index at the address it has then. What a deployment is not
told it leaves as it is. docs/deploy-beanstalk.md and docs/deploy-fargate.md begin with a new
account.

Images go to ECR, or where IMAGE_PREFIX says; their tag is the commit, or IMAGE_TAG.";

const CONNECT: &str = "\
By ECS Exec, through the debug container that `cargo xtask deploy fargate --debug` puts beside
each part: the images of the parts have no shell. Without a TASK, any of the part's.";

/// What both targets know.
fn common(syntax: Syntax) -> Syntax {
    syntax
        .args([
            system(),
            flag("pushed", "The images $IMAGE_PREFIX…:$IMAGE_TAG are in the registry: build nothing"),
            images::here().conflicts_with("pushed"),
            Arg::new("set")
                .long("set")
                .value_name("NAME=VALUE")
                .action(ArgAction::Append)
                .value_parser(parameter)
                .help("A parameter of the templates, such as DatabaseClass=db.t4g.small. It stays so"),
            Arg::new("vpc")
                .long("vpc")
                .value_name("ID")
                .help("The first time: another network than the default one"),
            Arg::new("subnets")
                .long("subnets")
                .value_name("ID,ID")
                .help("The first time: public subnets of it in two availability zones [default: all it has]"),
            flag("rollback", "Back to what ran before; once more, and forward again"),
            flag("status", "Show how everything is, with the latest events"),
            Arg::new("logs")
                .long("logs")
                .value_name("all")
                .num_args(0..=1)
                .default_missing_value("last")
                .value_parser(["last", "all"])
                .help("Show the last 100 lines of each log, or all"),
            flag("destroy", "Delete all of it; Postgres and Redis stay"),
            flag("delete-data", "Postgres and Redis do not stay; a last snapshot of the database does")
                .requires("destroy"),
            flag("yes", "Do not ask before it").requires("destroy"),
        ])
        .group(ArgGroup::new("action").args(["rollback", "status", "logs", "destroy"]))
}

pub(super) fn syntax() -> Syntax {
    described("deploy", "Run it on AWS: deploy, look after, roll back, destroy", DEPLOY)
        .subcommand_required(true)
        .subcommands([
            common(Syntax::new("beanstalk").about("Elastic Beanstalk: one instance, or several")).args([
                Arg::new("platform")
                    .long("platform")
                    .value_name("PLATFORM")
                    .default_value("docker")
                    .value_parser(one_of(Platform::ALL, Platform::name))
                    .help("Which of its platforms, both on Amazon Linux 2023"),
                flag("load-balanced", "Several instances behind a load balancer, deployed to one by one"),
            ]),
            common(Syntax::new("fargate").about("ECS Fargate: containers without instances"))
                .args([
                    Arg::new("only")
                        .long("only")
                        .value_name("PART")
                        .action(ArgAction::Append)
                        .value_parser(one_of([Part::Server, Part::Worker, Part::Nginx], Part::name))
                        .help("Only this part of what is there"),
                    Arg::new("domain").long("domain").value_name("DOMAIN").help(
                        "HTTPS at this domain and its api. [default: the variable DOMAIN, or what it was]",
                    ),
                    Arg::new("allow-from")
                        .long("allow-from")
                        .value_name("CIDR")
                        .help("Let only these addresses in, such as 192.0.2.7/32; 0.0.0.0/0 for everybody"),
                    flag("debug", "A debug container beside each part, which `cargo xtask connect` needs"),
                    flag("pause", "No tasks; load balancer and data stay"),
                    flag("resume", "Tasks again, after a pause"),
                    flag("force-new-deployment", "The same images in new tasks"),
                ])
                .group(
                    ArgGroup::new("more-actions")
                        .args(["pause", "resume", "force-new-deployment"])
                        .conflicts_with("action"),
                ),
        ])
}

pub(super) fn connect_syntax() -> Syntax {
    described("connect", "Open a shell beside a part that runs on Fargate", CONNECT).args([
        Arg::new("part")
            .value_name("PART")
            .required(true)
            .value_parser(one_of([Part::Server, Part::Worker, Part::Nginx], Part::name))
            .help("Beside which"),
        Arg::new("task").value_name("TASK").help("The id of its task"),
        system(),
    ])
}

/// What the names of everything on AWS begin with.
pub(super) fn system() -> Arg {
    Arg::new("system")
        .long("system")
        .value_name("NAME")
        .default_value("fibstack")
        .value_parser(system_name)
        .help("What the names of everything on AWS begin with; another one lives beside this")
}

pub(super) fn system_in(matches: &ArgMatches) -> String {
    matches.get_one::<String>("system").expect("it has a default").clone()
}

/// As the templates take it.
fn system_name(text: &str) -> Result<String, String> {
    let first = text.chars().next().is_some_and(|first| first.is_ascii_lowercase());
    let others = text.chars().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-');
    // Registry and database take no other hyphens.
    let hyphens = !text.contains("--") && !text.ends_with('-');
    if first && others && hyphens && (2..=20).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err("allowed are 2 to 20 small letters, digits and single hyphens, a letter first".to_owned())
    }
}

fn parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && name.chars().all(|it| it.is_ascii_alphanumeric()) => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err("wanted is NAME=VALUE, such as WorkerMaxCount=8".to_owned()),
    }
}

pub(super) fn request(matches: &ArgMatches) -> Request {
    let (name, matches) = matches.subcommand().expect("one is required");
    let target = if name == "fargate" { Target::Fargate } else { Target::Beanstalk };
    // Each target has flags of its own.
    let has = |name: &str| matches.try_get_one::<bool>(name).ok().flatten().copied().unwrap_or_default();
    let action = match matches.get_one::<String>("logs") {
        Some(amount) => Action::Logs { all: amount == "all" },
        None if has("rollback") => Action::Rollback,
        None if has("status") => Action::Status,
        None if has("destroy") => Action::Destroy { data: has("delete-data") },
        None if has("pause") => Action::Pause,
        None if has("resume") => Action::Resume,
        None if has("force-new-deployment") => Action::NewTasks,
        None => Action::Deploy(Box::new(options(matches))),
    };
    let only = matches.try_get_many("only").ok().flatten().into_iter().flatten().copied().collect();
    Request { target, system: system_in(matches), action, only, yes: has("yes") }
}

fn options(matches: &ArgMatches) -> Options {
    let has = |name: &str| matches.try_get_one::<bool>(name).ok().flatten().copied().unwrap_or_default();
    let text = |name: &str| matches.try_get_one::<String>(name).ok().flatten().cloned();
    let mut set: Values =
        matches.get_many::<(String, String)>("set").into_iter().flatten().cloned().collect();
    set.extend(text("allow-from").map(|from| ("AllowFrom".to_owned(), from)));
    set.extend(has("load-balanced").then(|| ("LoadBalanced".to_owned(), "true".to_owned())));
    let domain = || env::var("DOMAIN").ok().filter(|domain| !domain.is_empty());
    Options {
        compiled: (!has("pushed")).then(|| images::compiled(matches)),
        set,
        domain: text("domain").or_else(domain),
        debug: has("debug"),
        platform: matches.try_get_one("platform").ok().flatten().copied().unwrap_or(Platform::Docker),
        vpc: text("vpc"),
        subnets: text("subnets"),
    }
}

pub(super) fn connect(matches: &ArgMatches) -> Command {
    Command::Connect {
        system: system_in(matches),
        part: *matches.get_one("part").expect("it is required"),
        task: matches.get_one("task").cloned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::Compiled;

    fn read(line: &str) -> Request {
        request(&syntax().try_get_matches_from(line.split(' ')).unwrap())
    }

    fn refuses(line: &str) -> String {
        syntax().try_get_matches_from(line.split(' ')).unwrap_err().to_string()
    }

    #[test]
    fn a_deployment_is_what_nothing_else_is_asked() {
        let request =
            read("deploy fargate --here --set WorkerMaxCount=8 --allow-from 192.0.2.7/32 --only worker");
        assert_eq!((request.target, request.only), (Target::Fargate, vec![Part::Worker]));
        let Action::Deploy(options) = request.action else { panic!("{:?}", request.action) };
        assert_eq!(options.compiled, Some(Compiled::Here));
        let set = [("WorkerMaxCount", "8"), ("AllowFrom", "192.0.2.7/32")];
        assert_eq!(options.set, set.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        let request = read("deploy beanstalk --platform ecs --pushed --load-balanced --system two");
        assert_eq!((request.target, request.system.as_str()), (Target::Beanstalk, "two"));
        let Action::Deploy(options) = request.action else { panic!("{:?}", request.action) };
        assert_eq!((options.compiled, options.platform), (None, Platform::Ecs));
    }

    #[test]
    fn one_thing_is_asked_at_a_time() {
        assert_eq!(read("deploy fargate --rollback").action, Action::Rollback);
        assert_eq!(read("deploy beanstalk --logs").action, Action::Logs { all: false });
        assert_eq!(read("deploy beanstalk --logs all").action, Action::Logs { all: true });
        assert_eq!(read("deploy fargate --pause").action, Action::Pause);
        let request = read("deploy fargate --destroy --delete-data --yes");
        assert_eq!((request.action, request.yes), (Action::Destroy { data: true }, true));
        assert!(refuses("deploy fargate --rollback --status").contains("cannot be used with"));
        assert!(refuses("deploy fargate --pause --status").contains("cannot be used with"));
        assert!(refuses("deploy fargate --delete-data").contains("--destroy"));
        assert!(refuses("deploy beanstalk --pause").contains("--pause"));
    }

    #[test]
    fn wrong_names_are_refused_with_what_is_allowed() {
        assert!(refuses("deploy fargate --system Fibstack").contains("small letters"));
        assert!(refuses("deploy fargate --set Count").contains("NAME=VALUE"));
    }
}
