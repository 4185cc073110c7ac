//! The container engine.

use std::{
    env,
    path::Path,
    process::{self, Command, Output},
    sync::atomic::{AtomicU32, Ordering},
};

/// Name of an image under test, as `cargo xtask images build` names it.
#[must_use]
pub fn image(part: &str) -> String {
    let set = |name, default: &str| {
        env::var(name).ok().filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned())
    };
    format!("{}{part}:{}", set("IMAGE_PREFIX", "fibstack/"), set("IMAGE_TAG", "latest"))
}

/// Returns a unique name for containers, networks and volumes. All share a prefix, so that `cargo xtask` can
/// remove what a killed test left behind.
#[must_use]
pub fn unique_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let prefix =
        env::var("FIBSTACK_TEST_PREFIX").unwrap_or_else(|_| format!("fibstack-test-{}", process::id()));
    format!("{prefix}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A `docker` command that runs in the root of the project. It gets only the variables that Docker itself needs:
/// Compose files forward variables by name, and a test must not depend on the shell's.
#[must_use]
pub fn docker() -> Command {
    let mut command = Command::new("docker");
    command.env_clear().envs(env::vars_os().filter(|(name, _)| {
        let name = name.to_string_lossy();
        ["PATH", "HOME", "BASE_REGISTRY"].contains(&&*name)
            || ["DOCKER_", "IMAGE_", "XDG_"].iter().any(|prefix| name.starts_with(prefix))
    }));
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    command
}

/// Runs a command to completion and returns its output, even if it fails.
///
/// # Panics
/// Panics if it cannot be started.
pub fn output(command: &mut Command) -> Output {
    // Keeps the test's other tasks running.
    tokio::task::block_in_place(|| command.output()).unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Runs a command to completion and returns its standard output.
///
/// # Panics
/// Panics if it fails.
pub fn run(command: &mut Command) -> String {
    let output = output(command);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{stdout}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    stdout
}

/// Runs `docker` with these arguments and returns its output.
///
/// # Panics
/// Panics if it fails.
pub fn run_docker(arguments: &[&str]) -> String {
    run(docker().args(arguments)).trim().to_owned()
}

/// Runs `docker inspect` on a container or an image, with a Go template.
///
/// # Panics
/// Panics if it does not exist.
#[must_use]
pub fn inspect(what: &str, template: &str) -> String {
    run_docker(&["inspect", "--format", template, what])
}

/// Sends SIGKILL to everything in a container, from outside. To the engine this looks like a crash, so the restart
/// policy applies. (After `docker kill` it does not.)
///
/// # Panics
/// Panics if the container is not running.
pub fn crash(container: &str) {
    let process = inspect(container, "{{.State.Pid}}");
    let image = image("debug");
    // Killing process 1 kills all others.
    let killer = ["run", "--rm", "--pid=host", "--user=0", "--cap-drop=ALL", "--cap-add=KILL", &image];
    run(docker().args(killer).args(["kill", "-KILL", &process]));
}

/// Log of a container.
#[must_use]
pub fn log(container: &str) -> String {
    let output = output(docker().args(["logs", container]));
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// A single container, removed when this is dropped.
#[derive(Debug)]
pub struct Container {
    name: String,
}

impl Container {
    /// Runs `docker run --detach` with these arguments, including the image and its arguments.
    #[must_use]
    pub fn start(arguments: &[&str]) -> Self {
        let name = unique_name();
        let container = Self { name };
        run(docker().args(["run", "--detach", "--name", &container.name]).args(arguments));
        container
    }

    /// Name of the container.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Log of the container.
    #[must_use]
    pub fn log(&self) -> String {
        log(&self.name)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("--- {} ---\n{}", self.name, self.log());
        }
        let _ = docker().args(["rm", "--force", "--volumes", &self.name]).output();
    }
}
