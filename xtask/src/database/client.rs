//! Postgres's own programs: this machine's, or those of the debug image.

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

/// Mode in which a program is used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Use {
    /// Reads its standard input and exits.
    Once,
    /// Interactive, at a terminal.
    Terminal,
}

/// Returns a command that runs `psql`, `pg_dump` or `pg_restore` for this database. The credentials are in its
/// environment, because every user of the machine can see arguments.
pub(super) fn program(name: &str, access: &Access, how: Use) -> Result<Command> {
    match here(name, access) {
        Some(program) => Ok(with_access(Command::new(program), access)),
        None => in_container(name, access, how),
    }
}

/// Returns this machine's program, unless it is older than the server: pg_dump refuses a newer server, and pg_restore
/// a newer dump.
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

/// Returns the first number in a program's output: `pg_dump (PostgreSQL) 17.11 (…)`, `17.11 (…)`.
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
            "{name} is not installed (Debian and Ubuntu: apt-get install postgresql-client) or older than the server. \
             The debug image has it, but"
        )
    })?;
    Ok(container(with_access(engine::docker(), access), name, access, how))
}

fn container(mut docker: Command, name: &str, access: &Access, how: Use) -> Command {
    // In this machine's network, so that the host name means the same there.
    docker.args(["run", "--rm", "--interactive", "--network=host"]);
    docker.args((how == Use::Terminal).then_some("--tty"));
    // Only the names: docker takes the values from its environment.
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
    fn a_programs_major_version_is_found_in_its_output() {
        let major_in = |text: &str| major(Command::new("echo").arg(text));
        assert_eq!(major_in("pg_dump (PostgreSQL) 17.11 (Debian 17.11-0+deb13u1)"), Some(17));
        assert_eq!(major_in("18beta1"), None);
        assert_eq!(major_in(""), None);
    }

    #[test]
    fn the_password_is_not_among_the_arguments() {
        let pairs = [("PGHOST", "db"), ("PGPASSWORD", "hunter2"), ("PGSSLROOTCERT", "/etc/ca.pem")];
        let access = Settings::for_test(&pairs).unwrap().access().unwrap();
        let docker = container(Command::new("docker"), "psql", &access, Use::Terminal);
        let arguments: Vec<_> = docker.get_args().map(|it| it.to_string_lossy().into_owned()).collect();
        for expected in ["--env=PGPASSWORD", "--volume=/etc/ca.pem:/etc/ca.pem:ro", "--tty", "psql"] {
            assert!(arguments.iter().any(|it| it == expected), "{expected}: {arguments:?}");
        }
        assert!(!arguments.iter().any(|it| it.contains("hunter2")), "{arguments:?}");
    }
}
