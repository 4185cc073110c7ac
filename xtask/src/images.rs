//! `cargo xtask images build`: the container images.

use std::{fmt, path::Path, process::Command};

use anyhow::Result;
use clap::{Subcommand, ValueEnum};

use crate::{arguments::PassedOn, artifacts, engine, job::Job, progress::say, project};

/// Build the container images and push them to a registry
///
/// An image's name consists of $IMAGE_PREFIX (default: fibstack/), the part, and $IMAGE_TAG (default: latest), as in
/// the Compose files. BASE_REGISTRY names a mirror of the base images and must end with a slash.
///
/// Without IMAGE_PREFIX, `push` and `login` use ECR with the credentials of the AWS CLI. With a prefix outside ECR they
/// use DOCKER_ID and DOCKER_PASSWORD, or docker's own login.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Build all images, or the named ones
    Build {
        /// Images to build
        #[arg(value_name = "PART")]
        parts: Vec<Part>,
        /// Compile on this machine (needs musl-tools), not in the build
        #[arg(long)]
        here: bool,
    },
    /// Push images to ECR or to $IMAGE_PREFIX
    #[command(disable_help_flag = true)]
    Push(PassedOn),
    /// Log in to the registry
    #[command(disable_help_flag = true)]
    Login(PassedOn),
    /// Copy the base images to ECR
    #[command(disable_help_flag = true)]
    Mirror(PassedOn),
}

/// One of the images; a stage of the Dockerfile.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Part {
    /// Web server.
    Server,
    /// Worker.
    Worker,
    /// Router.
    Nginx,
    /// Shell with tools, to run next to another container.
    Debug,
}

impl Part {
    /// All images.
    pub const ALL: [Self; 4] = [Self::Server, Self::Worker, Self::Nginx, Self::Debug];

    /// Name of its stage in the Dockerfile, and last part of the image's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Worker => "worker",
            Self::Nginx => "nginx",
            Self::Debug => "debug",
        }
    }

    /// Returns true if the image contains programs compiled from this workspace.
    #[must_use]
    pub fn has_our_programs(self) -> bool {
        matches!(self, Self::Server | Self::Worker)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Names of the images: a prefix before the part, and a tag.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Names {
    /// Everything before the part, such as `registry.example.org/team/`.
    pub prefix: String,
    /// Tag of the images.
    pub tag: String,
}

impl Names {
    /// The names that the Compose files have in the same environment.
    #[must_use]
    pub fn from_environment() -> Self {
        Self {
            prefix: Self::prefix().unwrap_or_else(|| "fibstack/".to_owned()),
            tag: Self::tag().unwrap_or_else(|| "latest".to_owned()),
        }
    }

    /// `IMAGE_PREFIX`, if it is set.
    #[must_use]
    pub fn prefix() -> Option<String> {
        project::variable("IMAGE_PREFIX")
    }

    /// `IMAGE_TAG`, if it is set.
    #[must_use]
    pub fn tag() -> Option<String> {
        project::variable("IMAGE_TAG")
    }

    /// Full name of an image.
    #[must_use]
    pub fn image(&self, part: Part) -> String {
        format!("{}{part}:{}", self.prefix, self.tag)
    }
}

/// Builds the named images, or all of them if none is named. Compiles the programs in them in the images' build, which
/// needs only the engine, or `here`, on this machine, which reuses earlier builds.
///
/// # Errors
/// The container engine is not available, or a build failed.
pub fn build(parts: &[Part], names: &Names, here: bool) -> Result<()> {
    engine::check()?;
    let parts = all_if_none(parts);
    let folder = artifacts::default_folder();
    let artifacts = if here && parts.iter().any(|part| part.has_our_programs()) {
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

/// The named parts, or all if none is named.
#[must_use]
pub fn all_if_none(parts: &[Part]) -> &[Part] {
    if parts.is_empty() { &Part::ALL } else { parts }
}

/// Returns the command for the build that docker-bake.hcl defines. It takes `BASE_REGISTRY` from the environment.
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

/// Returns the checked-out commit, with `-changed` appended if files differ from it. None outside a git repository.
#[must_use]
pub fn revision() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).current_dir(project::root()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let changed = !git(&["status", "--porcelain"])?.is_empty();
    Some(git(&["rev-parse", "HEAD"])? + if changed { "-changed" } else { "" })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn images_do_not_depend_on_the_modes_of_the_checkout() {
        let dockerfile = fs::read_to_string(project::root().join("Dockerfile")).unwrap();
        let (_, images) = dockerfile.split_once("\nFROM scratch AS base\n").unwrap();
        let copies: Vec<_> = images.lines().filter(|line| line.starts_with("COPY ")).collect();
        assert!(copies.len() >= 7, "{copies:?}");
        for copy in copies {
            // The programs run as another user than the owner, unless the files are given to them.
            assert!(copy.contains("--chmod=") || copy.contains("--chown="), "{copy}");
        }
    }
}
