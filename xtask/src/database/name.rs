//! Name of a database in messages.

use std::fmt;

/// A database as shown to people: `fibvalues at db.example.org:5432`.
#[derive(Clone, Copy, Debug)]
pub struct Name<'a> {
    /// Database.
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
