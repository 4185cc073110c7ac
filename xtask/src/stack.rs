//! `cargo xtask stack`: runs the Compose stacks. Adds to plain `docker compose` generated passwords and the address of
//! the page.

use std::{
    fs::{self, File},
    io::{ErrorKind, Read, Write},
    os::unix::{
        fs::{DirBuilderExt, OpenOptionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, ValueEnum};

use crate::{
    arguments::PassedOn, atomic_file, child, engine, environment, progress::say, project, public_url,
};

/// Manage a Compose stack
///
/// dev: hot reload at http://localhost:3050, built from source, with Postgres and Redis.
///
/// production: the images, with databases that run elsewhere (PGHOST, REDIS_HOST, …).
///
/// self-hosted: the images with Postgres and Redis on this machine; the first start generates passwords in
/// compose/secrets/.
///
/// Plain `docker compose --file compose/….yaml` does the same. More arguments go to Compose: `cargo xtask stack up
/// production --scale worker=4`.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Start it in the background
    Up(Target),
    /// Stop and remove it, keeping its data
    Down(Target),
    /// Follow its logs
    Logs(Target),
    /// Show its containers
    Status(Target),
    /// Open a shell next to a service, with psql, redis-cli and curl
    Debug {
        /// Stack to use
        stack: Stack,
        /// Service to attach to
        #[arg(default_value = "server")]
        service: String,
    },
    /// Write the self-hosted stack's database to a file
    Backup {
        /// File to write
        file: PathBuf,
    },
    /// Restore the self-hosted stack's database
    Restore {
        /// File that `backup` wrote
        file: PathBuf,
    },
}

/// A stack, and arguments for Compose.
#[derive(Args, Debug)]
pub(crate) struct Target {
    /// Stack to use
    pub(crate) stack: Stack,
    #[command(flatten)]
    pub(crate) compose: PassedOn,
}

/// One of the Compose files.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Stack {
    #[value(name = "dev")]
    Development,
    Production,
    SelfHosted,
}

impl Stack {
    fn file(self) -> &'static str {
        match self {
            Self::Development => "compose/development.yaml",
            Self::Production => "compose/production.yaml",
            Self::SelfHosted => "compose/self-hosted.yaml",
        }
    }

    fn compose(self) -> Command {
        let mut docker = engine::docker();
        docker.arg("compose");
        // By default, Compose reads the file next to the Compose file, which is production's.
        let file = environment::Stack::Development.file();
        if self == Self::Development && project::root().join(file).exists() {
            docker.args(["--env-file", file]);
        }
        docker.args(["--file", self.file()]);
        docker
    }
}

pub(crate) fn run(action: &Action) -> Result<()> {
    engine::check()?;
    match action {
        Action::Up(target) => up(target),
        Action::Down(target) => replace_by(target, &["down"]),
        Action::Logs(target) => replace_by(target, &["logs", "--follow", "--tail=100"]),
        Action::Status(target) => replace_by(target, &["ps", "--all"]),
        Action::Debug { stack, service } => {
            let beside = ["--file", "compose/debug.yaml", "run", "--rm", "--no-deps", "debug"];
            Err(stack.compose().args(beside).env("DEBUG", service).exec()).context("failed to run docker")
        }
        Action::Backup { file } => backup(file),
        Action::Restore { file } => restore(file),
    }
}

fn up(&Target { stack, ref compose }: &Target) -> Result<()> {
    if stack == Stack::SelfHosted {
        ensure_secrets(&secrets())?;
    }
    if stack == Stack::Production {
        require_databases()?;
    }
    let mut up = stack.compose();
    up.args(["up", "--detach"]);
    if stack != Stack::Development {
        // `--wait` would show no progress during minutes of compiling.
        up.arg("--wait");
    }
    child::run("docker compose up", up.args(&compose.arguments))?;
    match address(stack) {
        Some(address) if stack == Stack::Development => say(format!(
            "fibstack will be at {address} once it is compiled; to follow the build: cargo xtask stack logs dev"
        )),
        Some(address) => say(format!("fibstack is at {address}")),
        None => {}
    }
    Ok(())
}

/// Returns the address at which nginx is published.
fn address(stack: Stack) -> Option<String> {
    let output = stack.compose().args(["port", "nginx", "80"]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let (host, port) = text.trim().rsplit_once(':')?;
    let forwarded = public_url::public_url(port.parse().ok()?, project::variable);
    if !forwarded.starts_with("http://localhost") {
        return Some(forwarded);
    }
    let host = if matches!(host, "0.0.0.0" | "[::]") { "localhost" } else { host };
    Some(if port == "80" { format!("http://{host}") } else { format!("http://{host}:{port}") })
}

/// Fails if no databases are configured for the production stack. Its servers would exit and restart forever.
fn require_databases() -> Result<()> {
    let has_file = project::root().join(environment::Stack::Production.file()).exists();
    let required = [["PGHOST", "CONNECTION_URL"].as_slice(), &["REDIS_HOST"]];
    if has_file || required.iter().all(|names| names.iter().any(|name| project::variable(name).is_some())) {
        return Ok(());
    }
    bail!(
        "the production stack has no databases of its own: set PGHOST, REDIS_HOST and their credentials in the \
         environment or in compose/.env. For a stack with databases: cargo xtask stack up self-hosted"
    )
}

fn secrets() -> PathBuf {
    project::root().join("compose/secrets")
}

/// Generates the missing passwords. Only the owner can enter the folder, but anyone can read the files in it, because
/// containers read them as other users.
fn ensure_secrets(folder: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("failed to create {}", folder.display()))?;
    for name in ["postgres_password", "redis_password"] {
        let path = folder.join(name);
        match fs::OpenOptions::new().write(true).create_new(true).mode(0o444).open(&path) {
            Ok(mut file) => {
                let written = random_hex().and_then(|text| file.write_all(text.as_bytes()));
                written.with_context(|| format!("failed to write {}", path.display()))?;
                say(format!("generated a password: {}", path.display()));
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).with_context(|| format!("failed to write {}", path.display())),
        }
    }
    Ok(())
}

/// Returns 192 random bits.
fn random_hex() -> std::io::Result<String> {
    let mut bytes = [0; 24];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn backup(file: &Path) -> Result<()> {
    atomic_file::write(file, |output| {
        let mut backup = Stack::SelfHosted.compose();
        child::run("backup", backup.args(["run", "--rm", "--no-TTY", "backup"]).stdout(output))
    })?;
    say(format!("wrote the database to {}", file.display()));
    Ok(())
}

fn restore(file: &Path) -> Result<()> {
    let input = File::open(file).with_context(|| format!("failed to read {}", file.display()))?;
    let compose = || Stack::SelfHosted.compose();
    child::run("stop", compose().args(["stop", "server", "worker"]))?;
    let mut restore = compose();
    let restored =
        child::run_with_input("restore", restore.args(["run", "--rm", "--no-TTY", "restore"]), input);
    child::run("start", compose().args(["up", "--detach", "--wait"]))?;
    restored.with_context(|| format!("could not restore {}; the database is unchanged", file.display()))?;
    say(format!("restored from {}; the servers will record again what only Redis still has", file.display()));
    Ok(())
}

/// Replaces this process, so that Compose has its terminal, input and signals.
fn replace_by(Target { stack, compose }: &Target, command: &[&str]) -> Result<()> {
    Err(stack.compose().args(command).args(&compose.arguments).exec()).context("failed to run docker")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn passwords_are_generated_once() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = folder.path().join("secrets");
        ensure_secrets(&secrets).unwrap();
        let postgres_password = || fs::read_to_string(secrets.join("postgres_password")).unwrap();
        let first = postgres_password();
        assert_eq!(first.len(), 48);
        assert_ne!(first, fs::read_to_string(secrets.join("redis_password")).unwrap());
        assert_eq!(fs::metadata(&secrets).unwrap().permissions().mode() & 0o777, 0o700);
        ensure_secrets(&secrets).unwrap();
        assert_eq!(postgres_password(), first);
    }
}
