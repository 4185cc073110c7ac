//! The database that the settings name.

use std::{
    fs::File,
    io::Write,
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use super::{
    Action, Origin,
    access::{Access, Settings},
    client::{Use, program},
    script::{PSQL, Script},
};
use crate::{confirm::confirm, job::Job, progress::say, project, site::Profile, whole_file};

/// psql's exit codes.
const CONNECTION_FAILED: i32 = 2;
const STATEMENT_FAILED: i32 = 3;

pub(super) fn run(action: &Action, yes: bool) -> Result<()> {
    let settings = Settings::find()?;
    // What is wrong with the settings is the check's to say.
    if *action == Action::Check {
        return server(&settings, "check-database");
    }
    let access = settings.read().with_context(|| format!("the settings of {}", settings.place))?;
    let name = access.name();
    say(format!("{name}, by {}", settings.place));
    let database = &access.database;
    let ask = |what: &str| confirm(&format!("{what} {name}."), database, yes);
    match action {
        Action::Create => psql(&access, &Script::create(database)),
        Action::Migrate => server(&settings, "migrate"),
        Action::Check => unreachable!("it is done"),
        Action::Seed => psql(&access, &Script::seed(database)),
        Action::Drop => {
            ask("All data will be gone, and connections end:")?;
            psql(&access, &Script::drop(database))
        }
        Action::Reset => {
            ask("All data will be gone, and connections end:")?;
            psql(&access, &Script::recreate(database))?;
            server(&settings, "migrate")
        }
        Action::KillConnections => {
            ask("Whoever uses it now will lose the connection:")?;
            psql(&access, &Script::kill_connections(database))
        }
        Action::Connect => {
            let error = program("psql", &access, Use::Terminal)?.exec();
            Err(error).context("psql does not run")
        }
        Action::Backup(file) => backup(&access, file.as_deref().context("into which file?")?),
        Action::Restore(Origin::File(file)) => {
            ask("Its data will be replaced:")?;
            restore(&access, file)
        }
        Action::Restore(Origin::Aws(_)) => bail!("--to is for a deployed database"),
    }
}

fn psql(access: &Access, script: &Script) -> Result<()> {
    let mut psql = program("psql", access, Use::Once)?;
    psql.args(PSQL).env("PGDATABASE", &script.database).stdin(Stdio::piped());
    let mut process = psql.spawn().context("psql does not run")?;
    let told = process.stdin.take().map(|mut input| input.write_all(script.statements.as_bytes()));
    let status = process.wait().context("wait for psql")?;
    match status.code() {
        Some(0) => {}
        Some(CONNECTION_FAILED) => bail!("there is no way in; `cargo xtask db check` looks for the reason"),
        Some(STATEMENT_FAILED) => bail!("a statement was refused. No schema yet? `cargo xtask db migrate`"),
        _ => bail!("psql failed ({status}); its messages are above"),
    }
    told.transpose().context("tell psql").map(|_| ())
}

/// The server's program does what has to be exactly as a server does it. It is compiled, if need be: who runs this has
/// what it takes.
fn server(settings: &Settings, command: &str) -> Result<()> {
    Job::new("server").run(project::cargo().args(["build", "--package=server", "--bin=server"]))?;
    let mut server = Command::new(project::target().join(Profile::Dev.folder()).join("server"));
    settings.pass_to(&mut server);
    let status =
        server.arg(command).current_dir(project::root()).status().context("the server does not run")?;
    if status.success() { Ok(()) } else { bail!("{command}: {status}; the reason is above") }
}

fn backup(access: &Access, file: &Path) -> Result<()> {
    whole_file::write(file, |output| {
        let output = output.try_clone().context("share the file")?;
        let mut dump = program("pg_dump", access, Use::Once)?;
        to_the_end("pg_dump", dump.arg("--format=custom").stdin(Stdio::null()).stdout(output))
    })?;
    say(format!("{} is in {}", access.name(), file.display()));
    Ok(())
}

fn restore(access: &Access, file: &Path) -> Result<()> {
    let input = File::open(file).with_context(|| format!("read {}", file.display()))?;
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
    to_the_end("pg_restore", restore.arg(database).stdin(input))
        .context("nothing was restored; the database is as it was")?;
    say(format!(
        "{} is as in {}; what Redis knows beyond it is recorded again",
        access.name(),
        file.display()
    ));
    Ok(())
}

fn to_the_end(name: &str, command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{name} does not run"))?;
    if status.success() { Ok(()) } else { bail!("{name} failed ({status}); its messages are above") }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use throwaway::Postgres;

    use super::*;

    #[test]
    fn a_database_comes_back_from_its_backup() {
        let postgres = Postgres::shared();
        let access = Settings::for_test(&[("CONNECTION_URL", &postgres.url("some's"))]).read().unwrap();
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
