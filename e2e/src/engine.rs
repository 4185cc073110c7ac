//! The container engine, as tests use it.

use std::{
    env,
    path::Path,
    process::{self, Command, Output},
    sync::atomic::{AtomicU32, Ordering},
};

/// The images under test, as `cargo xtask images build` names them.
#[must_use]
pub fn image(part: &str) -> String {
    let set = |name, default: &str| {
        env::var(name).ok().filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned())
    };
    format!("{}{part}:{}", set("IMAGE_PREFIX", "fibstack/"), set("IMAGE_TAG", "latest"))
}

/// A name for containers, networks and volumes that nobody else has. All begin alike, so that whoever started the
/// tests can remove what a killed one leaves.
#[must_use]
pub fn unique_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let prefix =
        env::var("FIBSTACK_TEST_PREFIX").unwrap_or_else(|_| format!("fibstack-test-{}", process::id()));
    format!("{prefix}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// `docker`, in the root of the project. Of the environment it gets what it needs itself: Compose files pass variables
/// on by name, and a test must not depend on what the shell has set.
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

/// Runs a command to its end, and gives what it wrote, whatever came of it.
///
/// # Panics
/// It could not be started.
pub fn output(command: &mut Command) -> Output {
    // Off the threads that everything else of the test runs on.
    tokio::task::block_in_place(|| command.output()).unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Runs a command to its end, and gives what it wrote to its standard output.
///
/// # Panics
/// It failed.
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

/// `docker` with these arguments.
///
/// # Panics
/// It failed.
pub fn run_docker(arguments: &[&str]) -> String {
    run(docker().args(arguments)).trim().to_owned()
}

/// A fact about a container or an image, by a Go template.
///
/// # Panics
/// There is no such thing.
#[must_use]
pub fn inspect(what: &str, template: &str) -> String {
    run_docker(&["inspect", "--format", template, what])
}

/// SIGKILL to everything in a container, from outside of it: to the engine it looks like a crash, after which the
/// restart policy acts. (After `docker kill` it does not.)
///
/// # Panics
/// It does not run.
pub fn crash(container: &str) {
    let process = inspect(container, "{{.State.Pid}}");
    let image = image("debug");
    // Its first process takes all others along.
    let killer = ["run", "--rm", "--pid=host", "--user=0", "--cap-drop=ALL", "--cap-add=KILL", &image];
    run(docker().args(killer).args(["kill", "-KILL", &process]));
}

/// What a container wrote.
#[must_use]
pub fn log(container: &str) -> String {
    let output = output(docker().args(["logs", container]));
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// A container of its own, removed when this is dropped.
#[derive(Debug)]
pub struct Container {
    name: String,
}

impl Container {
    /// `docker run --detach` with these arguments, the image and its own arguments among them.
    #[must_use]
    pub fn start(arguments: &[&str]) -> Self {
        let name = unique_name();
        let container = Self { name };
        run(docker().args(["run", "--detach", "--name", &container.name]).args(arguments));
        container
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it wrote.
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
