//! `cargo xtask env …`

use clap::{Arg, ArgMatches, Command as Syntax};

use super::{described, flag, one_of};
use crate::environment::{Action, Stack};

const ENVIRONMENT: &str = "\
development: .env in the project's root, which `docker compose up` reads.
production: compose/.env, for compose/production.yaml.

They are not in git, and their owner alone can read them. The values are those of the environment,
else those of the templates compose/*.env.example; of a system that is on AWS, production gets the
addresses, and no passwords. In a cloud workspace, development gets the forwarded port's address.";

pub(super) fn syntax() -> Syntax {
    described("env", "Write and check the files of variables that the Compose stacks read", ENVIRONMENT)
        .subcommand_required(true)
        .subcommands([
            Syntax::new("generate").about("Write a file (asks before it overwrites one)").args([
                stack().required(true),
                Arg::new("system")
                    .long("system")
                    .value_name("NAME")
                    .default_value("fibstack")
                    .help("For production: the name of the system on AWS"),
                flag("force", "Overwrite it without asking"),
            ]),
            Syntax::new("check").about("Say what is missing, empty, weak or unknown in them").arg(stack()),
        ])
}

fn stack() -> Arg {
    Arg::new("stack").value_name("STACK").value_parser(one_of(Stack::ALL, Stack::name)).help("Whose file")
}

pub(super) fn read(matches: &ArgMatches) -> Action {
    let (name, matches) = matches.subcommand().expect("one is required");
    let stack = matches.get_one::<Stack>("stack").copied();
    match name {
        "generate" => Action::Generate {
            stack: stack.expect("it is required"),
            system: matches.get_one::<String>("system").cloned().expect("it has a default"),
            force: matches.get_flag("force"),
        },
        "check" => Action::Check(stack),
        other => unreachable!("{other} is not a subcommand"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_commands_are_understood() {
        let read_line = |line: &str| syntax().try_get_matches_from(line.split(' ')).map(|it| read(&it));
        let (stack, system) = (Stack::Production, "fibstack".to_owned());
        assert_eq!(
            read_line("env generate production --force").unwrap(),
            Action::Generate { stack, system, force: true }
        );
        assert_eq!(read_line("env check").unwrap(), Action::Check(None));
        assert_eq!(read_line("env check development").unwrap(), Action::Check(Some(Stack::Development)));
        assert!(read_line("env generate").is_err() && read_line("env generate other").is_err());
    }
}
