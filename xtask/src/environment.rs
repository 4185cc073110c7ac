//! `cargo xtask env`: writes the files of variables for the Compose stacks from templates, and checks them.
//!
//! Development reads `.env` in the root; production reads `compose/.env`, beside compose/production.yaml.

mod check;
mod sources;
mod stack;
mod template;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io::{self, IsTerminal, Write},
};

use anyhow::{Context, Result, bail};
use clap::{Arg, ArgMatches, Command};
use throwaway::process::find_program;

use crate::{
    arguments::{described, flag, one_of},
    external,
    progress::say,
    whole_file,
};

pub use stack::Stack;

/// Action on the files.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    Generate {
        stack: Stack,
        system: String,
        force: bool,
    },
    /// Checks the file of one stack, or all existing files.
    Check(Option<Stack>),
}

const MORE: &str = "\
development: .env in the project's root, which `docker compose up` reads.
production: compose/.env, for compose/production.yaml.

Neither is in git, and only the owner can read them. Values come from the environment, or otherwise
from the templates compose/*.env.example. If the AWS CLI is installed, production gets the addresses
(but not the passwords) of a system on AWS; in a cloud workspace, development gets the address of the
forwarded port.";

/// The definition of the command line.
pub(crate) fn syntax() -> Command {
    let stack = || {
        Arg::new("stack")
            .value_name("STACK")
            .value_parser(one_of(Stack::ALL, Stack::name))
            .help("Stack whose file to use")
    };
    described("env", "Write and check the files of variables for the Compose stacks", MORE)
        .subcommand_required(true)
        .subcommands([
            Command::new("generate").about("Write a file (asks before it overwrites one)").args([
                stack().required(true),
                Arg::new("system")
                    .long("system")
                    .value_name("NAME")
                    .default_value("fibstack")
                    .help("For production: the system on AWS whose addresses to use"),
                flag("force", "Overwrite without asking"),
            ]),
            Command::new("check").about("Report missing, empty, weak or unknown variables").arg(stack()),
        ])
}

/// Returns the action.
pub(crate) fn parse(matches: &ArgMatches) -> Action {
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

/// Runs an action.
pub(crate) fn run(action: &Action) -> Result<()> {
    match action {
        // The crate `deploy` finds the addresses of a system on AWS.
        Action::Generate { stack: Stack::Production, system, force }
            if external::is_present() && find_program("aws", &[]).is_some() =>
        {
            let arguments = ["env", "generate", "production", "--system", system].into_iter();
            let arguments: Vec<_> = arguments.chain(force.then_some("--force")).map(OsString::from).collect();
            external::deploy(&arguments)
        }
        Action::Generate { stack, force, .. } => generate(*stack, *force, BTreeMap::new),
        Action::Check(Some(stack)) => check(&[*stack]),
        Action::Check(None) => {
            let existing: Vec<_> = Stack::ALL.into_iter().filter(|stack| stack.path().exists()).collect();
            if existing.is_empty() {
                bail!("no file to check yet: run cargo xtask env generate development|production");
            }
            check(&existing)
        }
    }
}

/// Writes a stack's file, unless the user keeps the one that exists. The values come from the environment, then from
/// `more`.
///
/// # Errors
/// The user refused, or the file cannot be written.
pub fn generate(stack: Stack, force: bool, more: impl FnOnce() -> BTreeMap<String, String>) -> Result<()> {
    let path = stack.path();
    if path.exists() && !force {
        ask_to_overwrite(stack.file())?;
    }
    let template = stack.template()?;
    let values = sources::find(stack, &template.names(), more());
    whole_file::write_text(&path, &template.fill(&values)?)?;
    say(format!("{} written; {} values differ from the template", stack.file(), values.len()));
    if let Some(url) = values.get("PUBLIC_URL") {
        say(format!("the page will be at {url}"));
    }
    // Shows what the user must still fill in.
    for problem in check::problems(stack, &template, &path)? {
        say(format!("  {problem}"));
    }
    Ok(())
}

fn ask_to_overwrite(file: &str) -> Result<()> {
    if !io::stdin().is_terminal() {
        bail!("{file} exists already. Not a terminal: pass --force to overwrite it");
    }
    print!("{file} exists already, and its values will be lost. Overwrite it? [y/N] ");
    io::stdout().flush().context("failed to ask")?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).context("failed to read the answer")?;
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { bail!("{file} is unchanged") }
}

fn check(stacks: &[Stack]) -> Result<()> {
    let mut serious = 0;
    for stack in stacks {
        let path = stack.path();
        if !path.exists() {
            bail!("{} does not exist: run cargo xtask env generate {stack}", stack.file());
        }
        let problems = check::problems(*stack, &stack.template()?, &path)?;
        serious += problems.iter().filter(|problem| problem.is_serious()).count();
        say(format!("{}: {}", stack.file(), if problems.is_empty() { "ok" } else { "needs attention" }));
        problems.iter().for_each(|problem| say(format!("  {problem}")));
    }
    match serious {
        0 => Ok(()),
        1 => bail!("1 problem would break the stack or leave it open to others"),
        count => bail!("{count} problems would break the stack or leave it open to others"),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::*;
    use crate::project;

    #[test]
    fn its_commands_are_parsed() {
        let parse_line = |line: &str| syntax().try_get_matches_from(line.split(' ')).map(|it| parse(&it));
        let (stack, system) = (Stack::Production, "fibstack".to_owned());
        assert_eq!(
            parse_line("env generate production --force").unwrap(),
            Action::Generate { stack, system, force: true }
        );
        assert_eq!(parse_line("env check").unwrap(), Action::Check(None));
        assert_eq!(parse_line("env check development").unwrap(), Action::Check(Some(Stack::Development)));
        assert!(parse_line("env generate").is_err() && parse_line("env generate other").is_err());
    }

    #[test]
    fn the_files_are_in_gitignore() {
        if !project::root().join(".git").exists() {
            return;
        }
        for stack in Stack::ALL {
            for file in [stack.file().to_owned(), format!("{}.partial", stack.file())] {
                let mut git = std::process::Command::new("git");
                git.args(["check-ignore", "--quiet", &file]).current_dir(project::root());
                assert!(git.status().unwrap().success(), "{file} is not in .gitignore");
            }
        }
    }

    /// Variables that a Compose file takes from its environment: `NAME:` without a value, and `${NAME}`.
    fn variables_in(file: &str) -> BTreeSet<String> {
        let text = fs::read_to_string(project::root().join(file)).unwrap();
        let is_name =
            |name: &str| !name.is_empty() && name.chars().all(|it| it.is_ascii_uppercase() || it == '_');
        let mut names = BTreeSet::new();
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            names.extend(line.strip_suffix(':').filter(|name| is_name(name)).map(str::to_owned));
            for part in line.split("${").skip(1) {
                let name = part.split(['}', ':', '?', '-']).next().unwrap_or_default();
                names.insert(name.to_owned());
            }
        }
        names
    }

    #[test]
    fn the_templates_have_the_variables_that_the_stacks_read() {
        for (stack, file) in
            [(Stack::Development, "compose/development.yaml"), (Stack::Production, "compose/production.yaml")]
        {
            let names: BTreeSet<_> =
                stack.template().unwrap().names().into_iter().map(str::to_owned).collect();
            assert_eq!(names, variables_in(file), "{stack}");
        }
    }
}
