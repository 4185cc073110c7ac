//! A PostgreSQL server for a single test.

use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{
    Error, Folder, Process,
    process::{self, READY_WITHIN},
};

const USER: &str = "postgres";
const PASSWORD: &str = "throwaway";
/// Logged by a primary and, with “read-only” before the last word, by a standby.
const READY: &str = "database system is ready to accept";

/// A PostgreSQL server for a single test: an empty cluster on a free loopback port, fast rather than safe on power
/// loss. Stopped and removed when this is dropped, and whenever the test process ends.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    port: u16,
    databases: AtomicU32,
    // Declared before its folder, so that it is stopped before that is removed.
    process: Process,
    folder: Folder,
}

impl Postgres {
    /// Starts a server and waits until it accepts connections.
    ///
    /// # Errors
    /// Fails if PostgreSQL is not installed or does not start; the error contains its log.
    pub fn start() -> Result<Self, Error> {
        let programs = programs()?;
        let folder = Folder::new("postgres")?;
        initialise(&programs, folder.path())?;
        let (process, port) = launch(&programs, folder.path(), None)?;
        Ok(Self { programs, port, databases: AtomicU32::new(0), process, folder })
    }

    /// The server that all tests of a process share, each with its own database.
    ///
    /// # Panics
    /// Panics if it could not be started; the message lists what to install.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| Self::start().unwrap_or_else(|error| panic!("{error}")))
    }

    /// Creates an empty database and returns its name.
    ///
    /// # Errors
    /// Fails if the server refuses.
    pub fn create_database(&self) -> Result<String, Error> {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.execute(USER, &format!("create database {name}"))?;
        Ok(name)
    }

    /// Runs statements with `psql` and returns the rows: one per line, columns separated by `|`.
    ///
    /// # Errors
    /// Fails if the server refuses a statement; the error contains its message.
    pub fn execute(&self, database: &str, statements: &str) -> Result<String, Error> {
        let mut psql = self.program("psql");
        let port = self.port.to_string();
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.host(), "-p", &port])
            .args(["-U", USER, "-d", database, "-c", statements])
            .env("PGPASSWORD", PASSWORD);
        run("psql", psql)
    }

    /// URL of a database, with user and password.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}:{PASSWORD}@{}:{}/{database}", self.host(), self.port)
    }

    /// Host of the server.
    #[must_use]
    pub fn host(&self) -> &'static str {
        "127.0.0.1"
    }

    /// Port of the server, which [`Postgres::restart`] keeps.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Name of the superuser.
    #[must_use]
    pub fn user(&self) -> &'static str {
        USER
    }

    /// Password of [`Postgres::user`].
    #[must_use]
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// Output of the server since it was last started.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Restarts the server so that it accepts only TLS connections over TCP, with `server.pem` and `server.key` in
    /// `certificates`.
    ///
    /// # Errors
    /// Fails if the server does not start; the error contains its log.
    pub fn require_tls(&mut self, certificates: &Path) -> Result<(), Error> {
        for name in ["server.pem", "server.key"] {
            let copy = self.folder.path().join(name);
            fs::copy(certificates.join(name), &copy).map_err(Error::io("copy the certificate"))?;
            // Postgres accepts a key only from a file that it owns and nobody else can read.
            fs::set_permissions(&copy, Permissions::from_mode(0o600)).map_err(Error::io("close the key"))?;
            if let Some((user, group)) = unprivileged() {
                chown(&copy, Some(user), Some(group))
                    .map_err(Error::io("give the key to PostgreSQL's user"))?;
            }
            let setting = if name == "server.key" { "ssl_key_file" } else { "ssl_cert_file" };
            self.execute(USER, &format!("alter system set {setting} = '{}'", copy.display()))?;
        }
        self.execute(USER, "alter system set ssl = on")?;
        let rules = self.folder.path().join("data/pg_hba.conf");
        fs::write(&rules, "hostssl all all all scram-sha-256\n").map_err(Error::io("write pg_hba.conf"))?;
        self.restart()
    }

    /// Starts a standby that streams from this server. [`Postgres::promote`] makes it a primary.
    ///
    /// # Errors
    /// Fails if the copy cannot be made or the standby does not start; the error contains its log.
    pub fn standby(&self) -> Result<Self, Error> {
        let folder = Folder::new("standby")?;
        if let Some((user, group)) = unprivileged() {
            chown(folder.path(), Some(user), Some(group))
                .map_err(Error::io("give the folder to PostgreSQL's user"))?;
        }
        let mut copy = as_unprivileged(&self.programs.join("pg_basebackup"), folder.path());
        copy.args(["-h", self.host(), "-p", &self.port.to_string(), "-U", USER, "--write-recovery-conf"])
            .args(["--checkpoint", "fast", "--no-sync", "-D"])
            .arg(folder.path().join("data"))
            .env("PGPASSWORD", PASSWORD);
        run("pg_basebackup", copy)?;
        let (process, port) = launch(&self.programs, folder.path(), None)?;
        let programs = self.programs.clone();
        Ok(Self { programs, port, databases: AtomicU32::new(0), process, folder })
    }

    /// Makes a standby the primary.
    ///
    /// # Errors
    /// Fails if it is not a standby.
    pub fn promote(&self) -> Result<(), Error> {
        self.execute(USER, "select pg_promote()").map(drop)
    }

    /// Crashes the server with SIGKILL. Committed data is back after [`Postgres::restart`].
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Shuts the server down, closing every connection.
    ///
    /// # Errors
    /// Fails if the server did not stop in time and was killed.
    pub fn stop(&mut self) -> Result<(), Error> {
        // SIGINT is PostgreSQL's “fast shutdown”; SIGTERM would wait for the clients to leave.
        self.process.stop_with(rustix::process::Signal::INT, READY_WITHIN).map(drop)
    }

    /// Starts the server again with the same port and data, after killing it if it is running.
    ///
    /// # Errors
    /// Fails if the server does not start; the error contains its log.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.kill();
        (self.process, self.port) = launch(&self.programs, self.folder.path(), Some(self.port))?;
        Ok(())
    }

    fn program(&self, name: &str) -> Command {
        plain(&self.programs.join(name))
    }
}

/// Folder of PostgreSQL's programs: that of the first `postgres` in `PATH`, with links resolved, or else the newest
/// version that Debian, Red Hat or Homebrew installed (Debian's is not in `PATH`).
fn programs() -> Result<PathBuf, Error> {
    let mut folders = ["/usr/lib/postgresql", "/usr", "/opt/homebrew/opt", "/usr/local/opt"]
        .iter()
        .filter_map(|parent| fs::read_dir(parent).ok())
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .filter(|folder| folder.join("initdb").is_file())
        .collect::<Vec<_>>();
    // By the number in the path, so that 17 comes before 9.
    folders.sort_by_key(|folder| {
        let digits = |character: &char| character.is_ascii_digit();
        let version: String = folder.to_string_lossy().chars().filter(digits).collect();
        std::cmp::Reverse(version.parse::<u64>().unwrap_or(0))
    });
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(folders)
        .filter_map(|folder| fs::canonicalize(folder.join("postgres")).ok())
        .filter_map(|program| program.parent().map(Path::to_owned))
        .find(|folder| folder.join("initdb").is_file() && folder.join("psql").is_file())
        .ok_or(Error::Missing {
            program: "postgres",
            hint: "neither in PATH nor in /usr/lib/postgresql/*/bin, with initdb and psql beside it; \
                   install PostgreSQL (Debian and Ubuntu: apt-get install postgresql; \
                   macOS: brew install postgresql)"
                .to_owned(),
        })
}

/// A command without the `PG…` variables of the user's shell.
fn plain(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    command
}

/// User and group to run PostgreSQL as when the tests run as root, which it refuses to run as.
pub(crate) fn unprivileged() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let accounts = fs::read_to_string("/etc/passwd").ok()?;
    ["postgres", "nobody"].iter().find_map(|wanted| {
        let account = accounts.lines().find(|line| line.split(':').next() == Some(wanted))?;
        let mut ids = account.split(':').skip(2).map(str::parse::<u32>);
        Some((ids.next()?.ok()?, ids.next()?.ok()?))
    })
}

pub(crate) fn as_unprivileged(program: &Path, folder: &Path) -> Command {
    let mut command = plain(program);
    if let Some((user, group)) = unprivileged() {
        command.uid(user).gid(group);
    }
    // That user may not have access to the current folder.
    command.current_dir(folder);
    command
}

fn initialise(programs: &Path, folder: &Path) -> Result<(), Error> {
    let password = folder.join("password");
    fs::write(&password, PASSWORD).map_err(Error::io("write the password file"))?;
    if let Some((user, group)) = unprivileged() {
        for path in [folder, &password] {
            chown(path, Some(user), Some(group))
                .map_err(Error::io("give the folder to PostgreSQL's user"))?;
        }
    }
    let mut initdb = as_unprivileged(&programs.join("initdb"), folder);
    initdb
        .arg("--pgdata")
        .arg(folder.join("data"))
        .arg("--pwfile")
        .arg(&password)
        .args(["--username", USER, "--auth", "scram-sha-256"])
        .args(["--encoding", "UTF8", "--no-locale", "--no-sync"]);
    run("initdb", initdb).map(drop)
}

/// Starts the server on `port`, or on a free one, and waits until it accepts connections. Retries with another port if
/// that one has been taken, and with the same one while backends of a killed predecessor still hold its memory.
fn launch(programs: &Path, folder: &Path, port: Option<u16>) -> Result<(Process, u16), Error> {
    let give_up = Instant::now() + READY_WITHIN;
    loop {
        let on = port.map_or_else(process::free_port, Ok)?;
        let mut postgres = as_unprivileged(&programs.join("postgres"), folder);
        postgres.arg("-D").arg(folder.join("data")).arg("-k").arg(folder);
        postgres.args(["-h", "127.0.0.1", "-p", &on.to_string()]);
        // Not synchronous_commit=off: committed data must survive a SIGKILL.
        for setting in ["fsync=off", "full_page_writes=off", "max_connections=200"] {
            postgres.args(["-c", setting]);
        }
        let mut server = Process::start("postgres", postgres)?;
        match server.wait_for(READY, READY_WITHIN) {
            Ok(_) => return Ok((server, on)),
            Err(Error::Ended { log, .. }) if is_temporary(&log) && Instant::now() < give_up => {
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(error) => return Err(error),
        }
    }
}

fn is_temporary(log: &str) -> bool {
    ["Address already in use", "still in use", "postmaster.pid\" already exists"]
        .iter()
        .any(|obstacle| log.contains(obstacle))
}

/// Runs a program to completion and returns its standard output.
fn run(name: &str, mut command: Command) -> Result<String, Error> {
    let output = command.output().map_err(Error::io(format!("run {name}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned());
    }
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(Error::Ended { name: name.to_owned(), status: output.status, log })
}
