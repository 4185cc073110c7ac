//! Deploying to Elastic Beanstalk: `deploy/beanstalk.yaml`.

pub(crate) mod environment;

use std::fs;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use xtask::progress::{Step, say};

use crate::{
    aws, bundle,
    cloudformation::Values,
    data,
    images::{self, Pushed},
    options::Options,
    parameters,
    processor::Processor,
    services::PARTS,
    smoke_test,
    system::System,
};

use environment::Events;

pub(crate) const TEMPLATE: &str = "beanstalk.yaml";
/// Templates of this target, besides the repositories.
pub(crate) const TEMPLATES: [&str; 2] = [data::TEMPLATE, TEMPLATE];
pub(crate) const INSTANCE_TYPE: &str = "InstanceType";
/// Output of the stack on the ECS platform.
const EXECUTION_ROLE: &str = "ExecutionRole";

/// Elastic Beanstalk: one instance, or several
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) options: Options,
    /// Beanstalk platform; both are on Amazon Linux 2023
    #[arg(long, value_enum, default_value_t = Platform::Docker)]
    pub(crate) platform: Platform,
    /// Several instances behind a load balancer, which are updated one by one
    #[arg(long)]
    load_balanced: bool,
}

/// A platform of Beanstalk.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Platform {
    Docker,
    Ecs,
}

impl Platform {
    /// Name of the platform at Beanstalk.
    fn kind(self) -> &'static str {
        match self {
            Self::Docker => "Docker",
            Self::Ecs => "ECS",
        }
    }

    /// Returns the ARN of the platform's newest version, because older ones are retired.
    fn current_version(self) -> Result<String> {
        // As JSON, because the CLI's shorter syntax does not support the operator `=`.
        let filters = serde_json::json!([
            {
                "Type": "PlatformBranchName",
                "Operator": "=",
                "Values": [format!("{} running on 64bit Amazon Linux 2023", self.kind())],
            },
            { "Type": "PlatformLifecycleState", "Operator": "=", "Values": ["Recommended"] },
        ]);
        let call = ["elasticbeanstalk", "list-platform-versions", "--filters", &filters.to_string()];
        let versions: Vec<(String, String)> =
            aws::query("PlatformSummaryList[].[PlatformVersion,PlatformArn]", &call)?;
        let newest = versions.into_iter().max_by_key(|(version, _)| numbers(version));
        Ok(newest.with_context(|| format!("Beanstalk has no current platform for {}", self.kind()))?.1)
    }
}

/// Sort key of a version: `4.10.2` is newer than `4.9.1`.
fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|number| number.parse().unwrap_or(0)).collect()
}

/// Deploys everything.
pub(crate) fn deploy(system: &System, arguments: &Arguments) -> Result<()> {
    let Arguments { options, platform, load_balanced } = arguments;
    if system.name.len() < 4 {
        bail!("Beanstalk requires names of at least four characters: choose another --system");
    }
    let stack = system.stack(TEMPLATE);
    let before = stack.parameters()?;
    if let Some(other) = before.get("Platform").filter(|other| *other != platform.kind()) {
        bail!(
            "{} is on Beanstalk's platform {other}, which cannot change: choose another --system",
            system.name
        );
    }
    let mut given = options.parameters();
    let kind =
        given.get(INSTANCE_TYPE).or_else(|| before.get(INSTANCE_TYPE)).map_or("t3.micro", String::as_str);
    let processor = Processor::of_instance(kind);
    parameters::check_together(system, TEMPLATE, &given)?;
    let prepared = data::prepare(system, options, &given)?;
    let pushed = images::push(system, options, &given, &PARTS.map(|part| (part, processor.clone())))?;
    given.insert("Name".to_owned(), system.name.clone());
    given.insert("Platform".to_owned(), platform.kind().to_owned());
    given.extend(load_balanced.then(|| ("LoadBalanced".to_owned(), "true".to_owned())));

    let mut known = data::ensure(system, &given, prepared)?;
    let mut application = stack.outputs()?;
    let needs = |output: &str| !application.contains_key(output);
    if needs("Bucket") || (*platform == Platform::Ecs && needs(EXECUTION_ROLE)) {
        system.ensure(&stack, &given, &mut known)?;
        application.clone_from(&known);
    }
    let version = upload(&application, *platform, &pushed)?;
    given.insert("Version".to_owned(), version);
    given.extend(before.get("Version").map(|before| ("PreviousVersion".to_owned(), before.clone())));
    given.insert("PlatformArn".to_owned(), platform.current_version()?);
    run_version(system, &given, &mut known)
}

/// Returns the address of the environment; fails if there is none.
pub(crate) fn url(system: &System) -> Result<String> {
    let url = system.stack(TEMPLATE).outputs()?.remove("Url");
    url.with_context(|| format!("{} has no environment; run cargo xtask deploy beanstalk", system.name))
}

/// Makes the environment run the version in `given`, waits until it is healthy, and runs the smoke test.
pub(crate) fn run_version(system: &System, given: &Values, known: &mut Values) -> Result<()> {
    let mut events = Events::from_now(&system.name);
    let step = Step::begin("environment");
    system.ensure_watched(&system.stack(TEMPLATE), given, known, &mut || events.show_new(&step))?;
    environment::wait_for_health(&system.name, &mut events, &step)?;
    drop(step);
    let url = known.get("Url").context("the environment has no address")?;
    smoke_test::run(url, &system.stack(TEMPLATE))
}

/// Uploads a bundle, registers it as a version of the application, and returns the version's label.
fn upload(application: &Values, platform: Platform, pushed: &Pushed) -> Result<String> {
    let bucket = application.get("Bucket").context("the stack has no output Bucket")?;
    let role = application.get(EXECUTION_ROLE).map(String::as_str);
    let application = application.get("Application").context("the stack has no output Application")?;
    let file = bundle::make(&platform.kind().to_lowercase(), pushed, role)?;
    let label = format!("{}-{}", aws::timestamp(), pushed.tag);
    let key = format!("{label}.zip");
    let to = format!("s3://{bucket}/{key}");
    aws::call(["s3", "cp", "--no-progress", &file.to_string_lossy(), &to])?;
    let _ = fs::remove_file(&file).and_then(|()| fs::remove_dir_all(file.with_extension("")));
    let source = format!("S3Bucket={bucket},S3Key={key}");
    let mut call = vec!["elasticbeanstalk", "create-application-version", "--application-name", application];
    call.extend(["--version-label", &label, "--source-bundle", &source]);
    aws::call(call)?;
    say(format!("uploaded version {label} to {to}"));
    Ok(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(numbers("4.10.2") > numbers("4.9.1"));
        assert!(numbers("5.0.0") > numbers("4.10.2"));
    }
}
