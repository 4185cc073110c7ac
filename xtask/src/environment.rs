//! `cargo xtask env`: the files that the Compose stacks take their variables from, written from a template and checked.
//!
//! Each stack has a file of its own: development `.env` in the root, which `docker compose up` reads there; production
//! `compose/.env`, which Compose reads beside compose/production.yaml.

mod check;
mod sources;
mod template;

use std::{
    fmt, fs,
    io::{self, IsTerminal, Write},
    path::PathBuf,
};

use anyhow::{Context, Result, bail};

use crate::{progress::say, project, whole_file};

use template::Template;

/// What to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    Generate {
        stack: Stack,
        system: String,
        force: bool,
    },
    /// Of all stacks that have a file, if none is named.
    Check(Option<Stack>),
}

/// Whose file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stack {
    Development,
    Production,
}

impl Stack {
    pub(crate) const ALL: [Self; 2] = [Self::Development, Self::Production];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Production => "production",
        }
    }

    /// The file, in the root.
    pub(crate) fn file(self) -> &'static str {
        match self {
            Self::Development => ".env",
            Self::Production => "compose/.env",
        }
    }

    fn path(self) -> PathBuf {
        project::root().join(self.file())
    }

    fn template(self) -> Result<Template> {
        let path = project::root().join(format!("compose/{self}.env.example"));
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        Ok(Template::new(text))
    }
}

impl fmt::Display for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Does it.
pub(crate) fn run(action: &Action) -> Result<()> {
    match action {
        Action::Generate { stack, system, force } => generate(*stack, system, *force),
        Action::Check(Some(stack)) => check(&[*stack]),
        Action::Check(None) => {
            let there: Vec<_> = Stack::ALL.into_iter().filter(|stack| stack.path().exists()).collect();
            if there.is_empty() {
                bail!("there is no file to check yet: cargo xtask env generate development|production");
            }
            check(&there)
        }
    }
}

fn generate(stack: Stack, system: &str, force: bool) -> Result<()> {
    let path = stack.path();
    if path.exists() && !force {
        may_overwrite(stack.file())?;
    }
    let template = stack.template()?;
    let values = sources::find(stack, system, &template.names());
    whole_file::write_text(&path, &template.fill(&values)?)?;
    say(format!("{} is written, with {} values that are not the template's own", stack.file(), values.len()));
    if let Some(url) = values.get("PUBLIC_URL") {
        say(format!("the page will be at {url}"));
    }
    // What is left to be filled in.
    for problem in check::problems(stack, &template, &path)? {
        say(format!("  {problem}"));
    }
    Ok(())
}

/// Asks whoever sits at a terminal.
fn may_overwrite(file: &str) -> Result<()> {
    if !io::stdin().is_terminal() {
        bail!("{file} is there already, and there is no terminal to ask at; --force overwrites it");
    }
    print!("{file} is there already; what was filled in there will be gone. Overwrite it? [y/N] ");
    io::stdout().flush().context("ask")?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).context("read the answer")?;
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { bail!("{file} is as it was") }
}

fn check(stacks: &[Stack]) -> Result<()> {
    let mut serious = 0;
    for stack in stacks {
        let path = stack.path();
        if !path.exists() {
            bail!("there is no {}: cargo xtask env generate {stack}", stack.file());
        }
        let problems = check::problems(*stack, &stack.template()?, &path)?;
        serious += problems.iter().filter(|problem| problem.is_serious()).count();
        let verdict = if problems.is_empty() { "nothing is missing" } else { "look at" };
        say(format!("{}: {verdict}", stack.file()));
        problems.iter().for_each(|problem| say(format!("  {problem}")));
    }
    match serious {
        0 => Ok(()),
        1 => bail!("one of these keeps the stack from working, or others from being kept out"),
        count => bail!("{count} of these keep the stack from working, or others from being kept out"),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, process::Command};

    use super::*;

    #[test]
    fn the_files_are_not_for_git() {
        if !project::root().join(".git").exists() {
            return;
        }
        for stack in Stack::ALL {
            for file in [stack.file().to_owned(), format!("{}.partial", stack.file())] {
                let mut git = Command::new("git");
                git.args(["check-ignore", "--quiet", &file]).current_dir(project::root());
                assert!(git.status().unwrap().success(), "{file} is not in .gitignore");
            }
        }
    }

    /// What a Compose file takes from its environment: `NAME:` alone, and `${NAME}`.
    fn taken(file: &str) -> BTreeSet<String> {
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
    fn the_templates_have_what_the_stacks_read() {
        for (stack, file) in
            [(Stack::Development, "compose/development.yaml"), (Stack::Production, "compose/production.yaml")]
        {
            let names: BTreeSet<_> =
                stack.template().unwrap().names().into_iter().map(str::to_owned).collect();
            assert_eq!(names, taken(file), "{stack}");
        }
    }
}
