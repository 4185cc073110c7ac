//! `cargo xtask images`: the container images.

mod registry;

use std::{env, fmt, path::Path, process::Command};

use anyhow::Result;

use crate::{
    artifacts,
    deploy::{System, delivery},
    engine,
    job::Job,
    progress::say,
    project,
};

pub(crate) use registry::{login, push, pushed};

/// What to do with images. Of parts that are not named, all.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    Login { system: String },
    Build { parts: Vec<Part>, compiled: Compiled },
    Push { parts: Vec<Part>, system: String },
    Mirror { parts: Vec<Part>, system: String },
}

/// Does it. A registry that is not named is the system's own, at ECR.
pub(crate) fn run(action: &Action) -> Result<()> {
    let names = Names::from_environment();
    match action {
        Action::Login { system } => login(&destination(system)?),
        Action::Build { parts, compiled } => build(parts, &names, *compiled),
        Action::Push { parts, system } => {
            let there = Names { prefix: destination(system)?, tag: names.tag.clone() };
            registry::tag(parts, &names, &there)?;
            push(parts, &there)
        }
        Action::Mirror { parts, system } => {
            registry::mirror(parts, &delivery::mirrors(&System::open(system)?)?)
        }
    }
}

fn destination(system: &str) -> Result<String> {
    Names::prefix().map_or_else(|| delivery::prefix(&System::open(system)?), Ok)
}

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

    fn has_our_programs(self) -> bool {
        matches!(self, Self::Server | Self::Worker)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How images are called: what stands before the part, and the tag behind it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Names {
    pub(crate) prefix: String,
    pub(crate) tag: String,
}

impl Names {
    /// As the Compose files have them, given the same environment.
    pub(crate) fn from_environment() -> Self {
        Self {
            prefix: Self::prefix().unwrap_or_else(|| "fibstack/".to_owned()),
            tag: Self::tag().unwrap_or_else(|| "latest".to_owned()),
        }
    }

    /// `IMAGE_PREFIX`, if it is set.
    pub(crate) fn prefix() -> Option<String> {
        set("IMAGE_PREFIX")
    }

    /// `IMAGE_TAG`, if it is set.
    pub(crate) fn tag() -> Option<String> {
        set("IMAGE_TAG")
    }

    pub(crate) fn image(&self, part: Part) -> String {
        format!("{}{part}:{}", self.prefix, self.tag)
    }
}

fn set(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
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
pub(crate) fn build(parts: &[Part], names: &Names, compiled: Compiled) -> Result<()> {
    engine::check()?;
    let parts = all_if_none(parts);
    let folder = artifacts::default_folder();
    let artifacts = if compiled == Compiled::Here && parts.iter().any(|part| part.has_our_programs()) {
        artifacts::build(&folder)?;
        Some(folder.as_path())
    } else {
        None
    };
    Job::new("images").run(&mut command(parts, names, artifacts))?;
    for part in parts {
        say(format!("built {}", names.image(*part)));
    }
    Ok(())
}

fn all_if_none(parts: &[Part]) -> &[Part] {
    if parts.is_empty() { &Part::ALL } else { parts }
}

/// The build that docker-bake.hcl defines; `BASE_REGISTRY` is passed on in the environment.
fn command(parts: &[Part], names: &Names, artifacts: Option<&Path>) -> Command {
    let mut docker = engine::docker();
    docker.args(["buildx", "bake", "--file=docker-bake.hcl", "--progress=plain", "--load"]);
    docker.args(parts.iter().map(|part| part.name()));
    docker.env("IMAGE_PREFIX", &names.prefix).env("IMAGE_TAG", &names.tag);
    docker.env("VERSION", env!("CARGO_PKG_VERSION")).env("REVISION", revision().unwrap_or_default());
    docker.env("ARTIFACTS", artifacts.unwrap_or(Path::new("")));
    docker.env("DOCKERFILE", project::root().join("Dockerfile"));
    docker
}

/// The commit that is built, if it is one.
pub(crate) fn revision() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).current_dir(project::root()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let changed = !git(&["status", "--porcelain"])?.is_empty();
    Some(git(&["rev-parse", "HEAD"])? + if changed { "-changed" } else { "" })
}
