//! `cargo xtask stack`: runs the Compose stacks. Adds to plain `docker compose` generated passwords and the address of
//! the page.

use std::{
    env,
    ffi::OsString,
    fmt,
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

use crate::{child::Child, engine, environment, progress::say, project, public_url, whole_file};

/// One of the Compose files.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stack {
    Development,
    Production,
    SelfHosted,
}

impl Stack {
    pub(crate) const ALL: [Self; 3] = [Self::Development, Self::Production, Self::SelfHosted];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Development => "dev",
            Self::Production => "production",
            Self::SelfHosted => "self-hosted",
        }
    }

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

impl fmt::Display for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Action on a stack. The arguments are passed to Compose's command of the same name.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Action {
    Up(Stack, Vec<OsString>),
    Down(Stack, Vec<OsString>),
    Logs(Stack, Vec<OsString>),
    Status(Stack, Vec<OsString>),
    /// Opens a shell beside one of its services.
    Debug(Stack, String),
    /// Writes the self-hosted stack's database to a file.
    Backup(PathBuf),
    /// Restores it from a file.
    Restore(PathBuf),
}

pub(crate) fn run(action: &Action) -> Result<()> {
    engine::check()?;
    match action {
        Action::Up(stack, arguments) => up(*stack, arguments),
        Action::Down(stack, arguments) => replace_by(stack.compose().arg("down").args(arguments)),
        Action::Logs(stack, arguments) => {
            replace_by(stack.compose().args(["logs", "--follow", "--tail=100"]).args(arguments))
        }
        Action::Status(stack, arguments) => replace_by(stack.compose().args(["ps", "--all"]).args(arguments)),
        Action::Debug(stack, service) => replace_by(
            stack
                .compose()
                .args(["--file", "compose/debug.yaml", "run", "--rm", "--no-deps", "debug"])
                .env("DEBUG", service),
        ),
        Action::Backup(file) => backup(file),
        Action::Restore(file) => restore(file),
    }
}

fn up(stack: Stack, arguments: &[OsString]) -> Result<()> {
    if stack == Stack::SelfHosted {
        ensure_secrets(&secrets())?;
    }
    if stack == Stack::Production {
        require_databases()?;
    }
    let mut compose = stack.compose();
    compose.args(["up", "--detach"]);
    if stack != Stack::Development {
        // It would wait for minutes of compiling without showing any progress.
        compose.arg("--wait");
    }
    run_to_end("docker compose up", compose.args(arguments))?;
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
    let forwarded = public_url::public_url(port.parse().ok()?, |name| env::var(name).ok());
    if !forwarded.starts_with("http://localhost") {
        return Some(forwarded);
    }
    let host = if matches!(host, "0.0.0.0" | "[::]") { "localhost" } else { host };
    Some(if port == "80" { format!("http://{host}") } else { format!("http://{host}:{port}") })
}

/// Fails if no databases are configured for the production stack. Its servers would exit and restart forever.
fn require_databases() -> Result<()> {
    let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    let has_file = project::root().join(environment::Stack::Production.file()).exists();
    let required = [["PGHOST", "CONNECTION_URL"].as_slice(), &["REDIS_HOST"]];
    if has_file || required.iter().all(|names| names.iter().any(|name| is_set(name))) {
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
    whole_file::write(file, |output| {
        let mut compose = Stack::SelfHosted.compose();
        compose.args(["run", "--rm", "--no-TTY", "backup"]).stdout(output.try_clone()?);
        run_to_end("backup", &mut compose)
    })?;
    say(format!("wrote the database to {}", file.display()));
    Ok(())
}

fn restore(file: &Path) -> Result<()> {
    let input = File::open(file).with_context(|| format!("failed to read {}", file.display()))?;
    let compose = || Stack::SelfHosted.compose();
    run_to_end("stop", compose().args(["stop", "server", "worker"]))?;
    // Not through `Child`, whose input is empty.
    let restored = compose().args(["run", "--rm", "--no-TTY", "restore"]).stdin(input).status();
    run_to_end("start", compose().args(["up", "--detach", "--wait"]))?;
    if !restored.context("failed to run docker")?.success() {
        bail!("could not restore {}; the database is unchanged", file.display());
    }
    say(format!("restored from {}; the servers record what only Redis knows again", file.display()));
    Ok(())
}

fn run_to_end(name: &str, command: &mut Command) -> Result<()> {
    let status = Child::start(name, command)?.wait(None)?;
    if status.success() { Ok(()) } else { bail!("{name} failed ({status}); see its messages above") }
}

/// Replaces this process, so that the program has its terminal, input and signals.
fn replace_by(command: &mut Command) -> Result<()> {
    Err(command.exec()).context("failed to run docker")
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
