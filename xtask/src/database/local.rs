//! Managing the database that the settings name.

use std::{
    fs::File,
    io::Write,
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use super::{
    access::{Access, Settings},
    client::{Use, program},
    command_line::Action,
    script::{PSQL, Script},
};
use crate::{confirm::confirm, job::Job, progress::say, project, site::Profile, whole_file};

/// psql's exit codes.
const CONNECTION_FAILED: i32 = 2;
const STATEMENT_FAILED: i32 = 3;

/// Runs an action.
pub(crate) fn run(action: &Action, yes: bool) -> Result<()> {
    let settings = Settings::find()?;
    // The check itself reports wrong settings.
    if *action == Action::Check {
        return server(&settings, "check-database");
    }
    let access = settings.access().with_context(|| format!("invalid settings in {}", settings.place))?;
    let name = access.name();
    say(format!("{name}, from {}", settings.place));
    let database = &access.database;
    let ask = |what: &str| confirm(&format!("{what} {name}."), database, yes);
    match action {
        Action::Create => psql(&access, &Script::create(database)),
        Action::Migrate => server(&settings, "migrate"),
        Action::Check => unreachable!("it ran above"),
        Action::Seed => psql(&access, &Script::seed(database)),
        Action::Drop => {
            ask("This deletes all data and terminates the connections of")?;
            psql(&access, &Script::drop(database))
        }
        Action::Reset => {
            ask("This deletes all data and terminates the connections of")?;
            psql(&access, &Script::recreate(database))?;
            server(&settings, "migrate")
        }
        Action::KillConnections => {
            ask("This terminates all other connections to")?;
            psql(&access, &Script::kill_connections(database))
        }
        Action::Connect => {
            let error = program("psql", &access, Use::Terminal)?.exec();
            Err(error).context("failed to run psql")
        }
        Action::Backup(file) => backup(&access, file),
        Action::Restore(file) => {
            ask("This replaces the data of")?;
            restore(&access, file)
        }
    }
}

fn psql(access: &Access, script: &Script) -> Result<()> {
    let mut psql = program("psql", access, Use::Once)?;
    psql.args(PSQL).env("PGDATABASE", &script.database).stdin(Stdio::piped());
    let mut process = psql.spawn().context("failed to run psql")?;
    let written = process.stdin.take().map(|mut input| input.write_all(script.statements.as_bytes()));
    let status = process.wait().context("failed to wait for psql")?;
    match status.code() {
        Some(0) => {}
        Some(CONNECTION_FAILED) => bail!("could not connect; `cargo xtask db check` finds the reason"),
        Some(STATEMENT_FAILED) => {
            bail!("a statement failed. If the schema is missing, run `cargo xtask db migrate`")
        }
        _ => bail!("psql failed ({status}); see its messages above"),
    }
    written.transpose().context("failed to write to psql").map(|_| ())
}

/// Runs a command of the server, for what must work exactly as in a server. Compiles it if necessary.
fn server(settings: &Settings, command: &str) -> Result<()> {
    Job::new("server").run(project::cargo().args(["build", "--package=server", "--bin=server"]))?;
    let mut server = Command::new(project::target().join(Profile::Dev.folder()).join("server"));
    settings.pass_to(&mut server);
    let status =
        server.arg(command).current_dir(project::root()).status().context("failed to run the server")?;
    if status.success() { Ok(()) } else { bail!("{command} failed ({status}); see above for the reason") }
}

fn backup(access: &Access, file: &Path) -> Result<()> {
    whole_file::write(file, |output| {
        let output = output.try_clone().context("failed to duplicate the file handle")?;
        let mut dump = program("pg_dump", access, Use::Once)?;
        run_to_end("pg_dump", dump.arg("--format=custom").stdin(Stdio::null()).stdout(output))
    })?;
    say(format!("wrote {} to {}", access.name(), file.display()));
    Ok(())
}

fn restore(access: &Access, file: &Path) -> Result<()> {
    let input = File::open(file).with_context(|| format!("failed to read {}", file.display()))?;
    let mut restore = program("pg_restore", access, Use::Once)?;
    restore.args([
        "--clean",
        "--if-exists",
        "--no-owner",
        "--no-acl",
        "--exit-on-error",
        "--single-transaction",
    ]);
    let database = format!("--dbname={}", access.database);
    run_to_end("pg_restore", restore.arg(database).stdin(input))
        .context("nothing was restored; the database is unchanged")?;
    say(format!(
        "restored {} from {}; the servers record what only Redis knows again",
        access.name(),
        file.display()
    ));
    Ok(())
}

fn run_to_end(name: &str, command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("failed to run {name}"))?;
    if status.success() { Ok(()) } else { bail!("{name} failed ({status}); see its messages above") }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use throwaway::Postgres;

    use super::*;

    #[test]
    fn a_database_is_restored_from_its_backup() {
        let postgres = Postgres::shared();
        let access = Settings::for_test(&[("CONNECTION_URL", &postgres.url("some's"))]).access().unwrap();
        let count = || postgres.execute("some's", "select count(*) from values");
        for _ in 0..2 {
            psql(&access, &Script::create("some's")).unwrap();
        }
        let refused = psql(&access, &Script::seed("some's")).unwrap_err().to_string();
        assert!(refused.contains("cargo xtask db migrate"), "{refused}");
        // As the original's.
        postgres.execute("some's", "create table values (number int)").unwrap();
        psql(&access, &Script::seed("some's")).unwrap();
        let seeded = count().unwrap();

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f.dump");
        backup(&access, &file).unwrap();
        psql(&access, &Script::recreate("some's")).unwrap();
        assert!(count().is_err());
        restore(&access, &file).unwrap();
        assert_eq!(count().unwrap(), seeded);
        psql(&access, &Script::kill_connections("some's")).unwrap();
        psql(&access, &Script::drop("some's")).unwrap();
        let error = backup(&access, &folder.path().join("other.dump")).unwrap_err();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "{error:#}");
    }
}
