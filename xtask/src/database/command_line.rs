//! The arguments of `cargo xtask db`.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command};

use crate::arguments::{described, file, flag};

/// Action on the database.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    Create,
    Migrate,
    Seed,
    Drop,
    Reset,
    Connect,
    Check,
    KillConnections,
    Backup(PathBuf),
    Restore(PathBuf),
}

const MORE: &str = "\
The database is the one that PGHOST, PGUSER, … or CONNECTION_URL name, in the environment or otherwise
in compose/.env. psql is this machine's, or that of the debug image.

With --deployed it is the database of a system on AWS, and --help shows the options for it
(cargo xtask db restore --deployed --help).";

/// The definition of the command line.
pub(crate) fn syntax() -> Command {
    let plain = |name: &'static str, about: &'static str| Command::new(name).about(about).arg(deployed());
    let asking = |name: &'static str, about: &'static str| {
        plain(name, about).arg(flag("yes", "Do not ask for confirmation"))
    };
    described("db", "Manage a database: create, check, back up, restore", MORE)
        .subcommand_required(true)
        .subcommands([
            plain("create", "Create the database if it does not exist"),
            plain("migrate", "Migrate its schema, as a server does at startup"),
            plain("seed", "Submit a few indexes, the way the original's server does"),
            asking("drop", "Drop the database (asks first)"),
            asking("reset", "Drop it, create it again and migrate it (asks first)"),
            plain("connect", "Open psql"),
            plain("check", "Find out what is wrong: name, port, TLS, password, database, permissions"),
            asking("kill-connections", "Terminate all other connections (asks first)"),
            plain("backup", "Write it to a file; with --deployed, take a snapshot")
                .arg(file("File to write")),
            asking("restore", "Restore it from a backup (asks first); with --deployed, into a new instance")
                .arg(file("File that `backup` wrote")),
        ])
}

/// Only for the help: with this flag, the crate `deploy` runs the command.
fn deployed() -> Arg {
    flag("deployed", "Use the database of a system on AWS")
}

/// Returns the action, and whether the user has confirmed it with `--yes`.
pub(crate) fn parse(matches: &ArgMatches) -> (Action, bool) {
    let (name, matches) = matches.subcommand().expect("one is required");
    let file = || matches.get_one::<PathBuf>("file").cloned().expect("it is required");
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
        "restore" => Action::Restore(file()),
        other => unreachable!("{other} is not a subcommand"),
    };
    (action, matches.try_get_one::<bool>("yes").ok().flatten().copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_line(line: &str) -> Result<(Action, bool), clap::Error> {
        syntax().try_get_matches_from(line.split(' ')).map(|matches| parse(&matches))
    }

    #[test]
    fn its_commands_are_parsed() {
        assert_eq!(parse_line("db create").unwrap(), (Action::Create, false));
        assert_eq!(parse_line("db backup f").unwrap(), (Action::Backup("f".into()), false));
        assert_eq!(parse_line("db restore f --yes").unwrap(), (Action::Restore("f".into()), true));
    }

    #[test]
    fn incomplete_commands_are_refused() {
        for line in ["db", "db backup", "db restore", "db restore --to latest", "db create --yes"] {
            assert!(parse_line(line).is_err(), "{line}");
        }
    }
}
