//! Postgres' own programs: this machine's, else those of the debug image.

use std::{
    env,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result};
use throwaway::process::find_program;

use super::access::Access;
use crate::{
    engine,
    images::{Names, Part},
    project,
};

/// How a program is used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Use {
    /// It reads its input, and a person reads the result.
    Once,
    /// By a person, at a terminal.
    Terminal,
}

/// `psql`, `pg_dump` or `pg_restore` for this database. How to get in is in its environment: everybody on the machine
/// sees arguments.
pub(super) fn program(name: &str, access: &Access, how: Use) -> Result<Command> {
    match here(name, access) {
        Some(program) => Ok(with_access(Command::new(program), access)),
        None => in_container(name, access, how),
    }
}

/// This machine's, unless it would refuse: what dumps must not be older than what it dumps, and what restores not
/// older than what dumped.
fn here(name: &str, access: &Access) -> Option<PathBuf> {
    let program = find_program(name, &[])?;
    let psql = find_program("psql", &[]).filter(|_| name != "psql");
    let server = psql.and_then(|psql| {
        let mut psql = with_access(Command::new(psql), access);
        major(psql.args(["--no-psqlrc", "--no-align", "--tuples-only", "--command=show server_version"]))
    });
    let old = major(Command::new(&program).arg("--version")) < server;
    (!old).then_some(program)
}

/// The first number of what a program says: `pg_dump (PostgreSQL) 17.11 (…)`, `17.11 (…)`.
fn major(command: &mut Command) -> Option<u32> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let number =
        text.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    number.split('.').next()?.parse().ok()
}

fn with_access(mut command: Command, access: &Access) -> Command {
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("PG")) {
            command.env_remove(name);
        }
    }
    command.envs(access.variables()).current_dir(project::root());
    command
}

fn in_container(name: &str, access: &Access, how: Use) -> Result<Command> {
    engine::check().with_context(|| {
        format!(
            "{name} is not installed (Debian and Ubuntu: apt-get install postgresql-client) or older than the server, \
             and the debug image has it"
        )
    })?;
    Ok(container(with_access(engine::docker(), access), name, access, how))
}

fn container(mut docker: Command, name: &str, access: &Access, how: Use) -> Command {
    // In this machine's network: the host is as seen from here.
    docker.args(["run", "--rm", "--interactive", "--network=host"]);
    docker.args((how == Use::Terminal).then_some("--tty"));
    // By their names, so that docker takes the values from its environment.
    docker.args(access.variables().iter().map(|(name, _)| format!("--env={name}")));
    let socket = access.socket().map(|folder| format!("--volume={folder}:{folder}"));
    let file = access.authorities().map(|file| format!("--volume={0}:{0}:ro", file.display()));
    docker.args(socket.into_iter().chain(file)).arg(Names::from_environment().image(Part::Debug)).arg(name);
    docker
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::access::Settings;

    #[test]
    fn versions_are_found_in_what_programs_say() {
        let said = |text: &str| major(Command::new("echo").arg(text));
        assert_eq!(said("pg_dump (PostgreSQL) 17.11 (Debian 17.11-0+deb13u1)"), Some(17));
        assert_eq!(said("18beta1"), None);
        assert_eq!(said(""), None);
    }

    #[test]
    fn no_password_is_among_the_arguments() {
        let pairs = [("PGHOST", "db"), ("PGPASSWORD", "hunter2"), ("PGSSLROOTCERT", "/etc/ca.pem")];
        let access = Settings::for_test(&pairs).read().unwrap();
        let docker = container(Command::new("docker"), "psql", &access, Use::Terminal);
        let arguments: Vec<_> = docker.get_args().map(|it| it.to_string_lossy().into_owned()).collect();
        for expected in ["--env=PGPASSWORD", "--volume=/etc/ca.pem:/etc/ca.pem:ro", "--tty", "psql"] {
            assert!(arguments.iter().any(|it| it == expected), "{expected}: {arguments:?}");
        }
        assert!(!arguments.iter().any(|it| it.contains("hunter2")), "{arguments:?}");
    }
}
