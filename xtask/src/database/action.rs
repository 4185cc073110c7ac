//! Actions on a database, wherever it is.

use std::fmt;

use anyhow::Result;
use clap::{Args, Subcommand};

use super::script::Script;
use crate::{confirm::confirm, progress::say};

/// An action on a database.
#[derive(Debug, Subcommand)]
pub enum Action<To: Args, From: Args> {
    /// Create the database if it does not exist
    Create,
    /// Migrate its schema, as a server does at startup
    Migrate,
    /// Submit a few indexes, the way the original's server does
    Seed,
    /// Drop the database (asks first)
    Drop(Confirmation),
    /// Drop it, create it again and migrate it (asks first)
    Reset(Confirmation),
    /// Open psql
    Connect,
    /// Find out what is wrong: name, port, TLS, password, database, permissions
    Check,
    /// Terminate all other connections (asks first)
    KillConnections(Confirmation),
    /// Write it to a file; with --deployed, take a snapshot
    Backup(To),
    /// Restore it from a backup (asks first); with --deployed, into a new instance
    Restore {
        /// Backup to restore.
        #[command(flatten)]
        from: From,
        /// Confirmation given in advance.
        #[command(flatten)]
        confirmation: Confirmation,
    },
}

/// Confirmation given in advance.
#[derive(Args, Debug)]
pub struct Confirmation {
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
}

/// A database that can be managed.
pub trait Database {
    /// Arguments of a backup: its destination.
    type To: Args;
    /// Arguments of a restore: the backup to restore.
    type From: Args;
    /// Effect of restoring, which the user must confirm.
    const RESTORING: &str;

    /// Name of the database, for messages.
    fn name(&self) -> Name<'_>;

    /// Runs a script in psql.
    ///
    /// # Errors
    /// psql did not run, or failed.
    fn psql(&self, script: &Script) -> Result<()>;

    /// Runs a command of the server program, for actions that must work exactly as in a server.
    ///
    /// # Errors
    /// The server did not run, or failed.
    fn server(&self, command: &str) -> Result<()>;

    /// Opens psql at this terminal.
    ///
    /// # Errors
    /// psql did not run.
    fn connect(&self) -> Result<()>;

    /// Writes a backup.
    ///
    /// # Errors
    /// There is no complete backup.
    fn back_up(&self, to: &Self::To) -> Result<()>;

    /// Restores a backup.
    ///
    /// # Errors
    /// It was not restored.
    fn restore(&self, from: &Self::From) -> Result<()>;
}

/// Runs an action on a database.
///
/// # Errors
/// The action failed, or the user refused it.
pub fn run<D: Database>(database: &D, action: &Action<D::To, D::From>) -> Result<()> {
    let name = database.name();
    say(name);
    let ask = |effect: &str, confirmation: &Confirmation| {
        confirm(&format!("{effect} {name}."), name.database, confirmation.yes, "--yes")
    };
    let deletes = "This deletes all data and terminates the connections of";
    match action {
        Action::Create => database.psql(&Script::create(name.database)),
        Action::Migrate => database.server("migrate"),
        Action::Seed => database.psql(&Script::seed(name.database)),
        Action::Drop(confirmation) => {
            ask(deletes, confirmation)?;
            database.psql(&Script::drop(name.database))
        }
        Action::Reset(confirmation) => {
            ask(deletes, confirmation)?;
            database.psql(&Script::recreate(name.database))?;
            database.server("migrate")
        }
        Action::Connect => database.connect(),
        Action::Check => database.server("check-database"),
        Action::KillConnections(confirmation) => {
            ask("This terminates all other connections to", confirmation)?;
            database.psql(&Script::kill_connections(name.database))
        }
        Action::Backup(to) => database.back_up(to),
        Action::Restore { from, confirmation } => {
            ask(D::RESTORING, confirmation)?;
            database.restore(from)
        }
    }
}

/// A database as shown to people: `fibvalues at db.example.org:5432`.
#[derive(Clone, Copy, Debug)]
pub struct Name<'a> {
    /// Name of the database.
    pub database: &'a str,
    /// Host name, or folder of a Unix socket.
    pub host: &'a str,
    /// Port.
    pub port: &'a str,
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}:{}", self.database, self.host, self.port)
    }
}
