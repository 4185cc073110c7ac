//! `cargo xtask images`: the container images.

use std::{env, fmt, path::Path, process::Command};

use anyhow::Result;

use crate::{artifacts, engine, job::Job, progress::say, project};

/// One of the images; a stage of the Dockerfile.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    Server,
    Worker,
    Nginx,
    Debug,
}

impl Part {
    pub(crate) const ALL: [Self; 4] = [Self::Server, Self::Worker, Self::Nginx, Self::Debug];

    /// The name of its stage, and the last part of the image's.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Worker => "worker",
            Self::Nginx => "nginx",
            Self::Debug => "debug",
        }
    }

    /// The image that the Compose files ask for, given the same environment.
    pub(crate) fn image(self) -> String {
        let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let prefix = set("IMAGE_PREFIX").unwrap_or_else(|| "fibstack/".to_owned());
        let tag = set("IMAGE_TAG").unwrap_or_else(|| "latest".to_owned());
        format!("{prefix}{self}:{tag}")
    }

    fn has_our_programs(self) -> bool {
        matches!(self, Self::Server | Self::Worker)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where what is in the images is compiled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Compiled {
    /// In the image's build: needs nothing but the engine.
    Inside,
    /// On this machine, whose builds find done what earlier ones did.
    Here,
}

/// Builds images; all of them if none is named.
pub(crate) fn build(parts: &[Part], compiled: Compiled) -> Result<()> {
    engine::check()?;
    let parts = if parts.is_empty() { &Part::ALL } else { parts };
    let folder = artifacts::default_folder();
    let artifacts = if compiled == Compiled::Here && parts.iter().any(|part| part.has_our_programs()) {
        artifacts::build(&folder)?;
        Some(folder.as_path())
    } else {
        None
    };
    for part in parts {
        Job::new(&format!("image {part}")).run(&mut command(*part, artifacts))?;
        say(format!("built {}", part.image()));
    }
    Ok(())
}

fn command(part: Part, artifacts: Option<&Path>) -> Command {
    let mut docker = engine::docker();
    // Debian's engine has the old builder as its default.
    docker.env("DOCKER_BUILDKIT", "1").args(["build", "--progress=plain", "--target", part.name()]);
    docker.args(["--tag", &part.image()]);
    docker.arg(format!("--build-arg=VERSION={}", env!("CARGO_PKG_VERSION")));
    if let Some(revision) = revision() {
        docker.arg(format!("--build-arg=REVISION={revision}"));
    }
    // A mirror of the base images. By name, so that docker takes the value from the environment.
    docker.args(env::var_os("BASE_REGISTRY").map(|_| "--build-arg=BASE_REGISTRY"));
    match artifacts.filter(|_| part.has_our_programs()) {
        // As the context rather than as one more, which only engines from 23 on understand.
        Some(folder) => docker.args(["--build-arg=ARTIFACTS=given", "--file=Dockerfile"]).arg(folder),
        None => docker.arg("."),
    };
    docker
}

/// The commit that is built, if it is one.
fn revision() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).current_dir(project::root()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let changed = !git(&["status", "--porcelain"])?.is_empty();
    Some(git(&["rev-parse", "HEAD"])? + if changed { "-changed" } else { "" })
}
