//! The Compose stacks on a real container engine.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
};

use throwaway::{Folder, certificates, process};

use crate::{
    Client,
    engine::{self, docker, inspect, run},
    eventually,
};

/// A running Compose stack, removed with its volumes when this is dropped.
#[derive(Debug)]
pub struct Compose {
    project: String,
    files: &'static [&'static str],
    environment: Vec<(&'static str, String)>,
    port: u16,
    _folder: Folder,
}

impl Compose {
    /// Starts the production stack with a throwaway Postgres and Redis.
    pub async fn production() -> Self {
        Self::start(&["compose/production.yaml", "compose/test.yaml"]).await
    }

    /// Starts the self-hosted stack with its own passwords.
    pub async fn self_hosted() -> Self {
        Self::start(&["compose/self-hosted.yaml"]).await
    }

    async fn start(files: &'static [&'static str]) -> Self {
        let folder = Folder::new("compose").unwrap_or_else(|error| panic!("{error}"));
        write_secrets(folder.path()).unwrap_or_else(|error| panic!("{error}"));
        certificates::make(folder.path(), "DNS:postgres,DNS:redis").unwrap_or_else(|error| panic!("{error}"));
        // Containers read the file as a different user.
        for (path, mode) in [(folder.path().to_owned(), 0o755), (folder.path().join("server.key"), 0o644)] {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap_or_else(|error| panic!("{error}"));
        }
        let port = process::free_port().unwrap_or_else(|error| panic!("{error}"));
        let environment = vec![
            ("HTTP_PORT", format!("127.0.0.1:{port}")),
            ("SECRETS_DIR", folder.path().display().to_string()),
            ("CA_DIR", folder.path().display().to_string()),
        ];
        let stack = Self { project: engine::unique_name(), files, environment, port, _folder: folder };
        stack.up(&[]);
        stack.api().ready().await;
        stack
    }

    /// Prefix of the names of the stack's containers.
    #[must_use]
    pub fn project(&self) -> &str {
        &self.project
    }

    /// A `docker compose` command for this stack.
    #[must_use]
    pub fn compose(&self) -> Command {
        let mut command = docker();
        command.args(["compose", "--project-name", &self.project]).envs(self.environment.iter().cloned());
        for file in self.files {
            command.args(["--file", file]);
        }
        command
    }

    /// Runs `docker compose` with these arguments and returns its output.
    ///
    /// # Panics
    /// Panics if it fails.
    pub fn run(&self, arguments: &[&str]) -> String {
        run(self.compose().args(arguments))
    }

    /// Runs `docker compose up` with these arguments and waits until all containers are healthy.
    ///
    /// # Panics
    /// Panics if they do not become healthy.
    pub fn up(&self, arguments: &[&str]) {
        let up = ["up", "--detach", "--wait", "--wait-timeout", "240", "--quiet-pull"];
        run(self.compose().args(up).args(arguments));
    }

    /// The API as browsers reach it.
    #[must_use]
    pub fn api(&self) -> Client {
        Client::new(format!("{}/api", self.url()))
    }

    /// URL of the page.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Ids of a service's containers.
    #[must_use]
    pub fn containers(&self, service: &str) -> Vec<String> {
        self.run(&["ps", "--all", "--quiet", service]).lines().map(str::to_owned).collect()
    }

    /// Id of a service's only container.
    ///
    /// # Panics
    /// Panics if there is not exactly one.
    #[must_use]
    pub fn container(&self, service: &str) -> String {
        let containers = self.containers(service);
        let [container] = containers.as_slice() else { panic!("{service}: {containers:?}") };
        container.clone()
    }

    /// Waits until a service's only container has this health.
    pub async fn health_when(&self, service: &str, expected: &str) {
        let container = self.container(service);
        eventually(format!("{service} is {expected}"), || async {
            match inspect(&container, "{{.State.Health.Status}}") {
                health if health == expected => Ok(()),
                other => Err(other),
            }
        })
        .await;
    }

    /// Logs of a service's containers, one after the other.
    #[must_use]
    pub fn log(&self, service: &str) -> String {
        self.containers(service).iter().map(|container| engine::log(container)).collect()
    }
}

/// Password of the self-hosted stack's Postgres or Redis.
#[must_use]
pub fn password(of: &str) -> String {
    format!("the-password-of-{of}")
}

fn write_secrets(folder: &Path) -> io::Result<()> {
    for of in ["postgres", "redis"] {
        fs::write(folder.join(format!("{of}_password")), password(of))?;
    }
    Ok(())
}

impl Drop for Compose {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for arguments in [["ps", "--all"].as_slice(), &["logs", "--no-color", "--tail=60"]] {
                if let Ok(output) = self.compose().args(arguments).output() {
                    println!("{}", String::from_utf8_lossy(&output.stdout));
                }
            }
        }
        let down = ["--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "2"];
        let _ = self.compose().args(down).output();
    }
}
