//! `cargo xtask db`: looking after a database: the one that the settings name, or that of a system on AWS.
//!
//! The deployed one is in a network that nobody else gets into. What is done to it is done in there, by a task of
//! Fargate that runs once: [`deployed`]. Both do the same: [`script`].

mod access;
mod client;
mod deployed;
mod local;
mod script;
mod url;

use std::{fmt, path::PathBuf};

use anyhow::Result;

/// What to do, and to which database.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Request {
    pub(crate) action: Action,
    pub(crate) place: Place,
    /// Asked beforehand.
    pub(crate) yes: bool,
}

/// Where the database is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// Where the settings say.
    Local,
    /// On AWS, that of the system with this name.
    Deployed(String),
}

/// What to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    Create,
    Migrate,
    Seed,
    Drop,
    Reset,
    Connect,
    Check,
    KillConnections,
    /// Into a file; of the deployed database into a snapshot.
    Backup(Option<PathBuf>),
    Restore(Origin),
}

/// What a database is restored from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Origin {
    File(PathBuf),
    /// A time, `latest` or the name of a snapshot.
    Aws(String),
}

/// A database, for the person: `fibvalues at db.example.org:5432`.
struct Name<'a> {
    database: &'a str,
    host: &'a str,
    port: &'a str,
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}:{}", self.database, self.host, self.port)
    }
}

/// The password that stands in a `CONNECTION_URL`, if one does.
pub(crate) fn password_in(url: &str) -> Option<String> {
    url::Parts::read(url).ok()?.password
}

/// Does it.
pub(crate) fn run(request: &Request) -> Result<()> {
    match &request.place {
        Place::Local => local::run(&request.action, request.yes),
        Place::Deployed(system) => deployed::run(system, &request.action, request.yes),
    }
}
