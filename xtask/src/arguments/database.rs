//! `cargo xtask db …`

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command as Syntax, value_parser};

use super::{described, flag};
use crate::database::{Action, Origin, Place, Request};

const DATABASE: &str = "\
The database is the one that PGHOST, PGUSER, … or CONNECTION_URL name, in the environment or else
in compose/.env; psql is this machine's, or else the debug image's.

With --deployed it is the one that a system on AWS has. Then all of this happens inside of its
network, in a task of Fargate that runs once: nothing is opened to the world, and nobody's
address goes into a security group. docs/database.md has more.";

pub(super) fn syntax() -> Syntax {
    let plain = |name: &'static str, what: &'static str| Syntax::new(name).about(what).args(place());
    let asking = |name: &'static str, what: &'static str| plain(name, what).arg(yes());
    described("db", "Look after a database: make, check, empty, back it up", DATABASE)
        .subcommand_required(true)
        .subcommands([
            plain("create", "Make the database, unless it is there"),
            plain("migrate", "Bring its schema up to date, as a server does at its start"),
            plain("seed", "Submit a handful of indexes, the way the original's server does"),
            asking("drop", "Remove the database (asks first)"),
            asking("reset", "Remove it, make it anew and migrate it (asks first)"),
            plain("connect", "Open psql"),
            plain("check", "Find out what is wrong: name, port, TLS, password, database, permissions"),
            asking("kill-connections", "End everybody's connections (asks first)"),
            plain("backup", "Write it into a file; of a deployed one, make a snapshot")
                .arg(file("The file").conflicts_with("deployed").required_unless_present("deployed")),
            asking("restore", "Make it what it was (asks first); of a deployed one, make another beside it")
                .arg(file("What backup wrote").conflicts_with("deployed").required_unless_present("deployed"))
                .arg(
                    Arg::new("to")
                        .long("to")
                        .value_name("TIME|latest|SNAPSHOT")
                        .requires("deployed")
                        .required_if_eq("deployed", "true")
                        .help("With --deployed: to when (2026-05-01T12:00:00Z), or to which snapshot"),
                ),
        ])
}

fn place() -> [Arg; 2] {
    [
        flag("deployed", "The database of a system on AWS"),
        Arg::new("system")
            .long("system")
            .value_name("NAME")
            .default_value("fibstack")
            .help("With --deployed: the system's name"),
    ]
}

fn yes() -> Arg {
    flag("yes", "Do not ask")
}

fn file(help: &'static str) -> Arg {
    Arg::new("file").value_name("FILE").value_parser(value_parser!(PathBuf)).help(help)
}

pub(super) fn read(matches: &ArgMatches) -> Request {
    let (name, matches) = matches.subcommand().expect("one is required");
    let file = || matches.get_one::<PathBuf>("file").cloned();
    let action = match name {
        "create" => Action::Create,
        "migrate" => Action::Migrate,
        "seed" => Action::Seed,
        "drop" => Action::Drop,
        "reset" => Action::Reset,
        "connect" => Action::Connect,
        "check" => Action::Check,
        "kill-connections" => Action::KillConnections,
        "backup" => Action::Backup(file()),
        "restore" => {
            let to = matches.get_one::<String>("to").cloned().map(Origin::Aws);
            let origin = to.or_else(|| file().map(Origin::File));
            Action::Restore(origin.expect("one of the two is required"))
        }
        other => unreachable!("{other} is not a subcommand"),
    };
    let system = || matches.get_one::<String>("system").cloned().expect("it has a default");
    let place = if matches.get_flag("deployed") { Place::Deployed(system()) } else { Place::Local };
    let yes = matches.try_get_one::<bool>("yes").ok().flatten().copied().unwrap_or_default();
    Request { action, place, yes }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_line(line: &str) -> Result<Request, clap::Error> {
        syntax().try_get_matches_from(line.split(' ')).map(|matches| read(&matches))
    }

    fn local(action: Action) -> Request {
        Request { action, place: Place::Local, yes: false }
    }

    #[test]
    fn the_local_database_is_the_default() {
        assert_eq!(read_line("db create").unwrap(), local(Action::Create));
        assert_eq!(read_line("db backup f").unwrap(), local(Action::Backup(Some("f".into()))));
        let restore = Action::Restore(Origin::File("f".into()));
        assert_eq!(read_line("db restore f --yes").unwrap(), Request { yes: true, ..local(restore) });
    }

    #[test]
    fn a_deployed_one_is_restored_from_what_aws_keeps() {
        let place = Place::Deployed("second".to_owned());
        let request = read_line("db restore --deployed --system second --to latest").unwrap();
        let action = Action::Restore(Origin::Aws("latest".to_owned()));
        assert_eq!(request, Request { action, place, yes: false });
        let backup = read_line("db backup --deployed").unwrap();
        assert_eq!(
            (backup.action, backup.place),
            (Action::Backup(None), Place::Deployed("fibstack".to_owned()))
        );
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        for line in [
            "db",
            "db backup",
            "db restore",
            "db restore --deployed",
            "db restore --deployed f",
            "db restore --to latest",
            "db backup --deployed f",
            "db create --yes",
        ] {
            assert!(read_line(line).is_err(), "{line}");
        }
    }
}
