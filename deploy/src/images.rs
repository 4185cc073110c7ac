//! `cargo xtask images push|login|mirror`, and the images of a deployment.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use xtask::images::{self, Names, Part, all_if_none};

use crate::{
    aws,
    cloudformation::{Values, values},
    options::Options,
    processor::Processor,
    registry,
    system::{System, SystemName},
};

/// Template of the system's repositories at ECR.
pub(crate) const REPOSITORIES: &str = "ecr.yaml";

/// Push the container images to a registry
///
/// Image names consist of $IMAGE_PREFIX (fibstack/), the part, and $IMAGE_TAG (latest), as in the
/// Compose files.
///
/// Without IMAGE_PREFIX, `push` and `login` use ECR with the credentials of the AWS CLI. With a prefix
/// that is not ECR's they use DOCKER_ID and DOCKER_PASSWORD, or docker's own login.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Log in to the registry
    Login(SystemName),
    /// Push images that were built: all, or the named ones
    Push(Parts),
    /// Copy the base images to ECR, for builds without access to the official registry
    Mirror(Parts),
}

#[derive(Args, Debug)]
pub(crate) struct Parts {
    /// Images to use
    #[arg(value_name = "PART")]
    parts: Vec<Part>,
    #[command(flatten)]
    system: SystemName,
}

/// Runs a command. Without `IMAGE_PREFIX`, the registry is the system's own at ECR.
pub(crate) fn run(command: &Command) -> Result<()> {
    let destination = |name: &SystemName| {
        Names::prefix().map_or_else(|| repositories(&System::open(name)?, "ImagePrefix", &Values::new()), Ok)
    };
    match command {
        Command::Login(system) => registry::login(&destination(system)?),
        Command::Push(Parts { parts, system }) => {
            let local = Names::from_environment();
            let remote = Names { prefix: destination(system)?, tag: local.tag.clone() };
            registry::tag(all_if_none(parts), &local, &remote)?;
            registry::push(all_if_none(parts), &remote)
        }
        Command::Mirror(Parts { parts, system }) => {
            let prefix = repositories(&System::open(system)?, "BaseRegistry", &Values::new())?;
            registry::mirror(all_if_none(parts), &prefix)
        }
    }
}

/// Creates the system's repositories if necessary, and returns one of their stack's outputs.
fn repositories(system: &System, output: &str, given: &Values) -> Result<String> {
    let mut known = values(&[("System", &system.name)]);
    system.ensure(&system.stack(REPOSITORIES), given, &mut known)?;
    known.remove(output).with_context(|| format!("the stack of the repositories has no output {output}"))
}

/// Images in the registry, each by its digest.
pub(crate) struct Pushed {
    pub(crate) tag: String,
    images: BTreeMap<&'static str, String>,
}

impl Pushed {
    pub(crate) fn image(&self, part: Part) -> Result<&str> {
        self.images.get(part.name()).map(String::as_str).with_context(|| format!("{part} was not pushed"))
    }
}

/// Builds and pushes the images of a deployment, unless they are pushed already. Fails if they are for other processors
/// than those of their parts.
pub(crate) fn push(
    system: &System,
    options: &Options,
    given: &Values,
    parts: &[(Part, Processor)],
) -> Result<Pushed> {
    let processors = parts;
    let parts: Vec<_> = processors.iter().map(|(part, _)| *part).collect();
    let names = if options.pushed {
        let (Some(prefix), Some(tag)) = (Names::prefix(), Names::tag()) else {
            bail!("--pushed needs the names of the pushed images: set IMAGE_PREFIX and IMAGE_TAG")
        };
        registry::login(&prefix)?;
        Names { prefix, tag }
    } else {
        let prefix = Names::prefix().map_or_else(|| repositories(system, "ImagePrefix", given), Ok)?;
        let names = Names { prefix, tag: Names::tag().unwrap_or_else(new_tag) };
        images::build(&parts, &names, options.here)?;
        for (part, processor) in processors {
            let image = names.image(*part);
            processor.check(&image, &[registry::local_architecture(&image)?])?;
        }
        registry::push(&parts, &names)?;
        names
    };
    let mut images = BTreeMap::new();
    for (part, processor) in processors {
        let image = registry::digest(*part, &names)?;
        if options.pushed {
            processor.check(&names.image(*part), &registry::architectures(&image))?;
        }
        images.insert(part.name(), image);
    }
    Ok(Pushed { images, tag: names.tag })
}

/// Returns the commit, with the time appended if there are uncommitted changes.
fn new_tag() -> String {
    match images::revision() {
        Some(revision) if revision.len() == 40 => revision[..12].to_owned(),
        Some(revision) => format!("{}-{}", revision.chars().take(12).collect::<String>(), aws::timestamp()),
        None => aws::timestamp(),
    }
}
