//! A connection pooler for a single test.

use std::{fs, os::unix::fs::chown, path::PathBuf, time::Duration};

use crate::{
    Error, Folder, Postgres, Process,
    postgres::{as_unprivileged, unprivileged},
    process::{self, READY_WITHIN},
};

/// PgBouncer in front of a [`Postgres`], on a free loopback port.
#[derive(Debug)]
pub struct PgBouncer {
    port: u16,
    process: Process,
    _folder: Folder,
}

impl PgBouncer {
    /// Starts a pooler with the settings that its package installs, plus `settings`, such as
    /// `pool_mode = transaction`.
    ///
    /// # Errors
    /// Fails if PgBouncer is not installed or does not start; the error contains its log.
    pub fn start(postgres: &Postgres, settings: &[&str]) -> Result<Self, Error> {
        let folders = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
        let program = process::find_program("pgbouncer", &folders).ok_or(Error::Missing {
            program: "pgbouncer",
            hint:
                "neither in PATH nor in /usr/sbin; install it (Debian and Ubuntu: apt-get install pgbouncer)"
                    .to_owned(),
        })?;
        let folder = Folder::new("pgbouncer")?;
        let (users, file) = (folder.path().join("users"), folder.path().join("pgbouncer.ini"));
        let write = |path, text: String| fs::write(path, text).map_err(Error::io("configure PgBouncer"));
        write(&users, format!("\"{}\" \"{}\"\n", postgres.user(), postgres.password()))?;
        let port = process::free_port()?;
        write(
            &file,
            format!(
                "[databases]\n* = host={} port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
                 unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\n{}\n",
                postgres.host(),
                postgres.port(),
                users.display(),
                settings.join("\n")
            ),
        )?;
        if let Some((user, group)) = unprivileged() {
            for path in [folder.path(), &users, &file] {
                chown(path, Some(user), Some(group))
                    .map_err(Error::io("give the folder to PgBouncer's user"))?;
            }
        }
        let mut command = as_unprivileged(&program, folder.path());
        command.arg(&file);
        let mut process = Process::start("pgbouncer", command)?;
        process.wait_for("process up", READY_WITHIN)?;
        Ok(Self { port, process, _folder: folder })
    }

    /// Port of the pooler.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Output of the pooler.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Stops the pooler, closing every connection.
    ///
    /// # Errors
    /// Fails if it did not stop in time and was killed.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.process.stop_with(process::Signal::TERM, Duration::from_secs(30)).map(drop)
    }
}
