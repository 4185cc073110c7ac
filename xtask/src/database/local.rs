//! Managing the database that the settings name.

use std::{
    fs::File,
    io::Write,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::{
    access::{Access, Settings},
    action::{self, Action, Database, Name},
    client::{Use, program},
    script::{PSQL, Script},
};
use crate::{atomic_file, child, job::Job, progress::say, project, site::Profile};

/// psql's exit codes.
const CONNECTION_FAILED: i32 = 2;
const STATEMENT_FAILED: i32 = 3;

/// Manage a database: create, check, back up, restore
///
/// The database is the one that PGHOST, PGUSER, … or CONNECTION_URL name, in the environment or otherwise in
/// compose/.env. psql is this machine's, or that of the debug image.
///
/// With --deployed it is the database of a system on AWS, and --help shows the options for it (cargo xtask db restore
/// --deployed --help).
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action<ToFile, FromFile>,
    /// Use the database of a system on AWS
    #[arg(long, global = true)]
    deployed: bool,
}

#[derive(Args, Debug)]
struct ToFile {
    /// File to write
    file: PathBuf,
}

#[derive(Args, Debug)]
struct FromFile {
    /// File that `backup` wrote
    file: PathBuf,
}

/// Runs an action.
pub(crate) fn run(Arguments { action, .. }: &Arguments) -> Result<()> {
    let settings = Settings::find()?;
    // The check itself reports wrong settings.
    if matches!(action, Action::Check) {
        return server(&settings, "check-database");
    }
    let access = settings.access().with_context(|| format!("invalid settings in {}", settings.place))?;
    say(format!("settings from {}", settings.place));
    action::run(&Local { access, settings }, action)
}

struct Local {
    access: Access,
    settings: Settings,
}

impl Database for Local {
    type To = ToFile;
    type From = FromFile;
    const RESTORING: &str = "This replaces the data of";

    fn name(&self) -> Name<'_> {
        self.access.name()
    }

    fn psql(&self, script: &Script) -> Result<()> {
        let mut psql = program("psql", &self.access, Use::Once)?;
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

    fn server(&self, command: &str) -> Result<()> {
        server(&self.settings, command)
    }

    fn connect(&self) -> Result<()> {
        let error = program("psql", &self.access, Use::Terminal)?.exec();
        Err(error).context("failed to run psql")
    }

    fn back_up(&self, ToFile { file }: &ToFile) -> Result<()> {
        atomic_file::write(file, |output| {
            let mut dump = program("pg_dump", &self.access, Use::Once)?;
            child::run("pg_dump", dump.arg("--format=custom").stdout(output))
        })?;
        say(format!("wrote {} to {}", self.name(), file.display()));
        Ok(())
    }

    fn restore(&self, FromFile { file }: &FromFile) -> Result<()> {
        let input = File::open(file).with_context(|| format!("failed to read {}", file.display()))?;
        let mut restore = program("pg_restore", &self.access, Use::Once)?;
        restore.args(["--clean", "--if-exists", "--no-owner", "--no-acl", "--exit-on-error"]);
        restore.arg("--single-transaction").arg(format!("--dbname={}", self.access.database));
        child::run_with_input("pg_restore", &mut restore, input)
            .context("nothing was restored; the database is unchanged")?;
        let name = self.name();
        say(format!(
            "restored {name} from {}; the servers will record again what only Redis still has",
            file.display()
        ));
        Ok(())
    }
}

/// Runs a command of the server. Compiles it if necessary.
fn server(settings: &Settings, command: &str) -> Result<()> {
    Job::new("server").run(project::cargo().args(["build", "--package=server", "--bin=server"]))?;
    let mut server = Command::new(project::target().join(Profile::Dev.folder()).join("server"));
    settings.pass_to(&mut server);
    child::run(command, server.arg(command).current_dir(project::root()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use throwaway::Postgres;

    use super::*;

    #[test]
    fn a_database_is_restored_from_its_backup() {
        let postgres = Postgres::shared();
        let settings = Settings::for_test(&[("CONNECTION_URL", &postgres.url("some's"))]).unwrap();
        let database = Local { access: settings.access().unwrap(), settings };
        let count = || postgres.execute("some's", "select count(*) from values");
        for _ in 0..2 {
            database.psql(&Script::create("some's")).unwrap();
        }
        let refused = database.psql(&Script::seed("some's")).unwrap_err().to_string();
        assert!(refused.contains("cargo xtask db migrate"), "{refused}");
        // As in the original's schema.
        postgres.execute("some's", "create table values (number int)").unwrap();
        database.psql(&Script::seed("some's")).unwrap();
        let seeded = count().unwrap();

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f.dump");
        database.back_up(&ToFile { file: file.clone() }).unwrap();
        database.psql(&Script::recreate("some's")).unwrap();
        assert!(count().is_err());
        database.restore(&FromFile { file }).unwrap();
        assert_eq!(count().unwrap(), seeded);
        database.psql(&Script::kill_connections("some's")).unwrap();
        database.psql(&Script::drop("some's")).unwrap();
        let error = database.back_up(&ToFile { file: folder.path().join("other.dump") }).unwrap_err();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "{error:#}");
    }
}
