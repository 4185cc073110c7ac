//! `cargo xtask env`: writes the files of variables for the Compose stacks from templates, and checks them.
//!
//! Development reads `.env` in the root; production reads `compose/.env`, next to compose/production.yaml.

mod check;
mod sources;
mod stack;
mod template;

use std::io::Write;

use anyhow::{Context, Result, bail};
use clap::{Subcommand, ValueEnum};

use crate::{atomic_file, confirm::confirm, external, progress::say};

pub(crate) use stack::Stack;

/// Write and check the files of variables for the Compose stacks
///
/// development: .env in the project's root, which `docker compose up` reads.
///
/// production: compose/.env, for compose/production.yaml.
///
/// Neither is in git, and only the owner can read them. Values come from the environment, or otherwise from the
/// templates compose/*.env.example. If the AWS CLI is installed, production gets the addresses (but not the passwords)
/// of a system on AWS; in a cloud workspace, development gets the address of the forwarded port.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Write a file (asks before it overwrites one)
    Generate {
        /// Stack whose file to use
        stack: Stack,
        /// For production: the system on AWS whose addresses to use
        #[arg(long, value_name = "NAME", default_value = "fibstack")]
        system: String,
        /// Overwrite without asking
        #[arg(long)]
        force: bool,
    },
    /// Report missing, empty, weak or unknown variables
    Check {
        /// Stack whose file to use [default: all that have one]
        stack: Option<Stack>,
    },
}

/// Runs an action.
pub(crate) fn run(action: &Action) -> Result<()> {
    match action {
        Action::Generate { stack, system, force } => generate(*stack, system, *force),
        Action::Check { stack: Some(stack) } => check(&[*stack]),
        Action::Check { stack: None } => {
            let existing = Stack::value_variants().iter().copied().filter(|stack| stack.path().exists());
            let existing: Vec<_> = existing.collect();
            if existing.is_empty() {
                bail!("no file to check yet: run cargo xtask env generate development|production");
            }
            check(&existing)
        }
    }
}

/// Writes a stack's file, unless the user keeps the one that exists. The values come from the environment, and for
/// production also from a system on AWS.
fn generate(stack: Stack, system: &str, force: bool) -> Result<()> {
    let path = stack.path();
    if path.exists() {
        let file = stack.file();
        confirm(&format!("{file} exists already, and its values will be lost."), file, force, "--force")?;
    }
    let template = stack.template()?;
    let addresses = if stack == Stack::Production { external::addresses(system) } else { Vec::new() };
    let values = sources::find(stack, &template.names(), addresses);
    let text = template.fill(&values)?;
    atomic_file::write(&path, |mut file| {
        file.write_all(text.as_bytes()).context("failed to write the file")
    })?;
    say(format!("{} written; {} values differ from the template", stack.file(), values.len()));
    if let Some(url) = values.get("PUBLIC_URL") {
        say(format!("the page will be at {url}"));
    }
    // Show what the user must still fill in.
    for problem in check::problems(stack, &template, &path)? {
        say(format!("  {problem}"));
    }
    Ok(())
}

fn check(stacks: &[Stack]) -> Result<()> {
    let mut serious = 0;
    for stack in stacks {
        let path = stack.path();
        if !path.exists() {
            bail!("{} does not exist: run cargo xtask env generate {stack}", stack.file());
        }
        let problems = check::problems(*stack, &stack.template()?, &path)?;
        serious += problems.iter().filter(|problem| problem.is_serious).count();
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
    fn the_files_are_in_gitignore() {
        if !project::root().join(".git").exists() {
            return;
        }
        for file in [Stack::Development.file(), Stack::Production.file(), "compose/.tmpabcdef.partial"] {
            let mut git = std::process::Command::new("git");
            git.args(["check-ignore", "--quiet", file]).current_dir(project::root());
            assert!(git.status().unwrap().success(), "{file} is not in .gitignore");
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
