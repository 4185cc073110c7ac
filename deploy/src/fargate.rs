//! Deploying to ECS Fargate: `deploy/fargate/`.

use anyhow::{Context, Result, bail};
use clap::Args;
use xtask::{images::Part, progress::say};

use crate::{
    cloudformation::{Outcome, Values},
    data,
    images::{self, Pushed},
    options::Options,
    parameters,
    processor::Processor,
    services::{self, Watch, selected, template},
    smoke_test,
    system::System,
};

pub(crate) const DOMAIN: &str = "domain.yaml";
pub(crate) const BASE: &str = "fargate/base.yaml";
pub(crate) const SCALING: &str = "fargate/scaling.yaml";

/// Templates of this target, besides the repositories.
pub(crate) fn templates() -> Vec<&'static str> {
    [data::TEMPLATE, DOMAIN, BASE, SCALING].into_iter().chain(services::PARTS.map(template)).collect()
}

/// ECS Fargate: containers without instances
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) options: Options,
    /// Only this part of an existing system; may be repeated
    #[arg(long, value_name = "PART", value_parser = services::part())]
    pub(crate) only: Vec<Part>,
    /// Serve over HTTPS at this domain and its subdomain `api` [default: keep the domain]
    #[arg(long, env = "DOMAIN")]
    domain: Option<String>,
    /// Add a debug container to each task, which `cargo xtask connect` needs
    #[arg(long)]
    debug: bool,
    /// Stop all tasks, keeping the load balancer and the data
    #[arg(long, group = "action")]
    pub(crate) pause: bool,
    /// Start the tasks again after a pause
    #[arg(long, group = "action")]
    pub(crate) resume: bool,
    /// Replace the tasks by new ones with the same images
    #[arg(long, group = "action")]
    pub(crate) force_new_deployment: bool,
}

impl Arguments {
    fn domain(&self) -> Option<&String> {
        self.domain.as_ref().filter(|domain| !domain.is_empty())
    }

    /// Template parameters that the user set.
    pub(crate) fn parameters(&self) -> Values {
        let mut given = self.options.parameters();
        given.extend(self.domain().map(|domain| ("Domain".to_owned(), domain.clone())));
        given
    }
}

/// Deploys everything, or with `--only` some parts of an existing system.
pub(crate) fn deploy(system: &System, arguments: &Arguments) -> Result<()> {
    let Arguments { options, only, .. } = arguments;
    let given = arguments.parameters();
    let mut parts = Vec::new();
    for part in selected(only) {
        parts.push((part, processor(system, &given, part)?));
    }
    // A container next to the others, in the same tasks.
    let beside = parts.first().map(|(_, processor)| processor.clone());
    parts.extend(beside.filter(|_| arguments.debug).map(|processor| (Part::Debug, processor)));
    for template in selected(only).into_iter().map(template).chain([SCALING]) {
        parameters::check_together(system, template, &given)?;
    }
    let mut known = system.outputs_of(&[data::TEMPLATE, DOMAIN, BASE])?;
    if !only.is_empty() && !known.contains_key("Cluster") {
        bail!("{} is not on Fargate yet: the first deployment must include all parts", system.name);
    }
    if let Some(domain) = arguments.domain() {
        system.check_domain(domain)?;
    }
    let prepared = data::prepare(system, options, &given)?;
    let pushed = images::push(system, options, &given, &parts)?;
    if only.is_empty() {
        known = surroundings(system, arguments, &given, prepared)?;
    }
    let before = current_images(system, &selected(only))?;
    let is_changed = before.iter().any(|(part, image)| pushed.image(*part).is_ok_and(|new| new != image));
    let mut deployed = Vec::new();
    for part in selected(only) {
        let mut given = with_images(&given, part, &pushed)?;
        // For all parts or for none, so that a rollback restores images that ran together.
        let previous = before.iter().find(|(it, _)| *it == part && is_changed);
        given.extend(previous.map(|(_, image)| ("PreviousImage".to_owned(), image.clone())));
        match deploy_part(system, part, &given, &mut known) {
            Ok(Outcome::Unchanged) => {}
            Ok(_) => deployed.push(part),
            Err(error) if deployed.is_empty() => return Err(error),
            Err(error) => {
                let only = deployed.iter().map(|part| format!(" --only {part}")).collect::<String>();
                return Err(error.context(format!(
                    "{part} failed after other parts had been deployed. To roll those back: cargo xtask deploy \
                     fargate --rollback{only}"
                )));
            }
        }
    }
    if reports_pause(system)? {
        return Ok(());
    }
    if only.is_empty() {
        system.ensure(&system.stack(SCALING), &given, &mut known)?;
    }
    test(system, &known)
}

/// Returns the processor of a part's tasks: as set, or else as before.
fn processor(system: &System, given: &Values, part: Part) -> Result<Processor> {
    let name = "Architecture";
    let value = match given.get(name) {
        Some(value) => Some(value.clone()),
        None => system.stack(template(part)).parameters()?.remove(name),
    };
    Ok(Processor::of_tasks(value.as_deref().unwrap_or("X86_64")))
}

/// Returns true if any service has a desired count of 0.
pub(crate) fn is_paused(system: &System) -> Result<bool> {
    for service in services::find(system, &[])? {
        if service.state()?.desired == 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Like [`is_paused`], and prints a message if the system is paused, because there is nothing to test then.
pub(crate) fn reports_pause(system: &System) -> Result<bool> {
    let is_paused = is_paused(system)?;
    if is_paused {
        say("paused, so no task is running. To resume: cargo xtask deploy fargate --resume");
    }
    Ok(is_paused)
}

/// Runs the smoke test at the load balancer's address.
pub(crate) fn test(system: &System, known: &Values) -> Result<()> {
    let url = known.get("Url").context("the load balancer's stack has no output Url")?;
    smoke_test::run(url, &system.stack(BASE))
}

/// Returns the images of the parts that exist.
fn current_images(system: &System, parts: &[Part]) -> Result<Vec<(Part, String)>> {
    let mut images = Vec::new();
    for part in parts {
        let image = system.stack(template(*part)).parameters()?.remove("Image");
        images.extend(image.map(|image| (*part, image)));
    }
    Ok(images)
}

/// Deploys the data, domain, cluster and load balancer.
fn surroundings(system: &System, arguments: &Arguments, given: &Values, prepared: Values) -> Result<Values> {
    let mut known = data::ensure(system, given, prepared)?;
    let zone = system.stack(DOMAIN);
    if arguments.domain().is_some() || zone.status()?.is_some() {
        system.ensure(&zone, given, &mut known)?;
        let servers = known.get("NameServers").map_or("", String::as_str).replace(',', " ");
        say(format!("set these name servers at the domain's registrar: {servers}"));
        say("the certificate waits for that, for up to three days");
    }
    system.ensure(&system.stack(BASE), given, &mut known)?;
    Ok(known)
}

fn with_images(given: &Values, part: Part, pushed: &Pushed) -> Result<Values> {
    let mut given = given.clone();
    given.insert("Image".to_owned(), pushed.image(part)?.to_owned());
    if let Ok(debug) = pushed.image(Part::Debug) {
        given.insert("DebugImage".to_owned(), debug.to_owned());
    }
    Ok(given)
}

/// Deploys a part, showing tasks that fail in the meantime.
pub(crate) fn deploy_part(
    system: &System,
    part: Part,
    given: &Values,
    known: &mut Values,
) -> Result<Outcome> {
    let cluster = known.get("Cluster").cloned().unwrap_or_default();
    let mut watch = Watch::begin(system, part, &cluster);
    system.ensure_watched(&system.stack(template(part)), given, known, &mut || watch.show_failures())
}
