//! fibstack on ECS Fargate: `deploy/fargate/`.

use anyhow::{Context, Result, bail};

use super::{
    Options, System, data,
    delivery::{Delivered, deliver},
    logs,
    services::{self, Watch, chosen, template},
    submission,
};
use crate::{
    aws,
    cloudformation::{Outcome, Stack, Values},
    images::Part,
    progress::say,
};

const DOMAIN: &str = "domain.yaml";
const BASE: &str = "fargate/base.yaml";
const SCALING: &str = "fargate/scaling.yaml";

/// Brings about everything, or with `only` those parts of what is there.
pub(crate) fn deploy(system: &System, options: &Options, only: &[Part]) -> Result<()> {
    let given = given(system, options);
    let mut parts = chosen(only);
    parts.extend(options.debug.then_some(Part::Debug));
    let delivered = deliver(system, options, &parts)?;

    let mut known = if only.is_empty() {
        surroundings(system, options, &given)?
    } else {
        let known = system.told_by_all(&[data::TEMPLATE, DOMAIN, BASE])?;
        if !known.contains_key("Cluster") {
            bail!("{} is not on Fargate yet: the first deployment is of all parts", system.name);
        }
        known
    };
    let before = images_of(system, &chosen(only))?;
    let changed = before.iter().any(|(part, image)| delivered.image(*part).is_ok_and(|new| new != image));
    let mut renewed = Vec::new();
    for part in chosen(only) {
        let stack = system.stack(template(part));
        let mut given = with_images(&given, part, &delivered)?;
        // For all or for none, so that a rollback takes them back to what ran together.
        let previous = before.iter().find(|(it, _)| *it == part && changed);
        given.extend(previous.map(|(_, image)| ("PreviousImage".to_owned(), image.clone())));
        match bring_about_part(system, &stack, part, &given, &mut known) {
            Ok(Outcome::Unchanged) => {}
            Ok(_) => renewed.push(part),
            Err(error) if renewed.is_empty() => return Err(error),
            Err(error) => {
                let back = renewed.iter().map(|part| format!(" --only {part}")).collect::<String>();
                return Err(error.context(format!(
                    "{part} failed after others had been deployed; these go back with: cargo xtask deploy fargate \
                     --rollback{back}"
                )));
            }
        }
    }
    if is_known_to_be_paused(system)? {
        return Ok(());
    }
    if only.is_empty() {
        system.bring_about(&system.stack(SCALING), &given, &mut known)?;
    }
    prove(&known)
}

fn is_paused(system: &System) -> Result<bool> {
    for service in services::find(system, &[])? {
        if service.state()?.desired == 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Says so if it is: then there is nothing to submit to.
fn is_known_to_be_paused(system: &System) -> Result<bool> {
    let paused = is_paused(system)?;
    if paused {
        say("it is paused: no task runs. cargo xtask deploy fargate --resume");
    }
    Ok(paused)
}

/// The images that parts have, those that are there.
fn images_of(system: &System, parts: &[Part]) -> Result<Vec<(Part, String)>> {
    let mut images = Vec::new();
    for part in parts {
        let image = system.stack(template(*part)).parameters()?.remove("Image");
        images.extend(image.map(|image| (*part, image)));
    }
    Ok(images)
}

/// What is given by the person, for all templates.
fn given(system: &System, options: &Options) -> Values {
    let mut given = options.set.clone();
    given.insert("System".to_owned(), system.name.clone());
    given.extend(options.domain.clone().map(|domain| ("Domain".to_owned(), domain)));
    given
}

/// Data, domain, cluster and load balancer.
fn surroundings(system: &System, options: &Options, given: &Values) -> Result<Values> {
    let mut known = data::bring_about(system, options, given)?;
    let zone = system.stack(DOMAIN);
    if options.domain.is_some() || zone.status()?.is_some() {
        system.bring_about(&zone, given, &mut known)?;
        let servers = known.get("NameServers").map_or("", String::as_str).replace(',', " ");
        say(format!("the registrar of the domain has to know its name servers: {servers}"));
        say("the certificate waits for that, for three days at most");
    }
    system.bring_about(&system.stack(BASE), given, &mut known)?;
    Ok(known)
}

/// With the image that a part gets now.
fn with_images(given: &Values, part: Part, delivered: &Delivered) -> Result<Values> {
    let mut given = given.clone();
    given.insert("Image".to_owned(), delivered.image(part)?.to_owned());
    if let Ok(debug) = delivered.image(Part::Debug) {
        given.insert("DebugImage".to_owned(), debug.to_owned());
    }
    Ok(given)
}

fn bring_about_part(
    system: &System,
    stack: &Stack,
    part: Part,
    given: &Values,
    known: &mut Values,
) -> Result<Outcome> {
    let cluster = known.get("Cluster").cloned().unwrap_or_default();
    let mut watch = Watch::begin(system, part, &cluster);
    system.bring_about_and(stack, given, known, &mut || watch.tell())
}

fn prove(known: &Values) -> Result<()> {
    let url = known.get("Url").context("the stack of the load balancer has no address")?;
    submission::prove(url)
}

/// Back to the images before; once more, and it is forward again.
pub(crate) fn roll_back(system: &System, only: &[Part]) -> Result<()> {
    let mut known = system.told_by_all(&[data::TEMPLATE, DOMAIN, BASE])?;
    let mut count = 0;
    for part in chosen(only) {
        let stack = system.stack(template(part));
        let parameters = stack.parameters()?;
        let of = |name: &str| parameters.get(name).filter(|value| !value.is_empty()).cloned();
        let (Some(image), Some(previous)) = (of("Image"), of("PreviousImage")) else {
            say(format!("{part}: nothing ran before what runs now"));
            continue;
        };
        say(format!("{part}: back to {previous}"));
        let given = [("Image".to_owned(), previous), ("PreviousImage".to_owned(), image)].into();
        bring_about_part(system, &stack, part, &given, &mut known)?;
        count += 1;
    }
    if count == 0 {
        bail!("there is nothing to go back to");
    }
    if is_known_to_be_paused(system)? {
        return Ok(());
    }
    prove(&known)
}

/// Shows stacks, services with what ECS says of them, the load balancer's view, the address.
pub(crate) fn status(system: &System) -> Result<()> {
    for template in [data::TEMPLATE, "ecr.yaml", DOMAIN, BASE, template(Part::Server), template(Part::Worker)]
        .into_iter()
        .chain([template(Part::Nginx), SCALING])
    {
        let stack = system.stack(template);
        if let Some(status) = stack.status()? {
            println!("{:24} {status}", stack.name);
        }
    }
    let base = system.stack(BASE).outputs()?;
    for service in services::find(system, &[])? {
        let state = service.state()?;
        println!("\n{}: {} of {} tasks run, {}", service.part, state.running, state.desired, state.rollout);
        for event in service.events(5)? {
            println!("  {event}");
        }
        for failure in service.failures()? {
            println!("  {failure}");
        }
    }
    if let Some(targets) = base.get("NginxTargetGroup") {
        let query = "TargetHealthDescriptions[].[Target.Id,TargetHealth.State,TargetHealth.Description]";
        let call = ["elbv2", "describe-target-health", "--target-group-arn", targets, "--query", query];
        println!("\nwhat the load balancer thinks of nginx:");
        for row in aws::rows(call)? {
            println!("  {}", row.join("  "));
        }
    }
    if let Some(url) = base.get("Url") {
        println!("\n{url}");
    }
    Ok(())
}

/// Shows what the containers logged.
pub(crate) fn logs(system: &System, only: &[Part], all: bool) -> Result<()> {
    let amount = if all { logs::Amount::All } else { logs::Amount::Last(100) };
    for part in chosen(only) {
        logs::of_part(system, part, amount)?;
    }
    Ok(())
}

/// No tasks, and nobody told that there is none. What is stored stays.
pub(crate) fn pause(system: &System) -> Result<()> {
    alarm(system, "disable-alarm-actions")?;
    let services = services::find(system, &[])?;
    let scaling = system.stack(SCALING).parameters()?;
    let mut deployments = Vec::new();
    for service in &services {
        // Before there is none, or an alarm would make one again.
        if scaling.contains_key(least(service.part)) {
            service.scale(0, false)?;
        }
        deployments.push(service.update(&["--desired-count", "0"])?);
    }
    services.iter().zip(&deployments).try_for_each(|(service, deployment)| service.wait(deployment))?;
    say(
        "no task runs. Load balancer, Postgres and Redis cost what they cost; cargo xtask deploy fargate --resume",
    );
    Ok(())
}

/// The parameter that says how many tasks of a part there are at least.
fn least(part: Part) -> &'static str {
    match part {
        Part::Server => "ServerCount",
        Part::Worker => "WorkerCount",
        Part::Nginx | Part::Debug => "",
    }
}

/// As many tasks as there are at least.
pub(crate) fn resume(system: &System) -> Result<()> {
    let scaling = system.stack(SCALING).parameters()?;
    let services = services::find(system, &[])?;
    let mut deployments = Vec::new();
    for service in &services {
        let count = scaling.get(least(service.part));
        if let Some(count) = count {
            service.scale(count.parse().context("the least number of tasks")?, true)?;
        }
        let count = count.map_or("1", String::as_str);
        deployments.push(service.update(&["--desired-count", count])?);
    }
    services.iter().zip(&deployments).try_for_each(|(service, deployment)| service.wait(deployment))?;
    alarm(system, "enable-alarm-actions")?;
    prove(&system.stack(BASE).outputs()?)
}

fn alarm(system: &System, verb: &str) -> Result<()> {
    let outputs = system.stack(template(Part::Server)).outputs()?;
    if let Some(alarm) = outputs.get("ReadinessAlarm") {
        aws::text(["cloudwatch", verb, "--alarm-names", alarm])?;
    }
    Ok(())
}

/// The same images in new tasks.
pub(crate) fn new_tasks(system: &System, only: &[Part]) -> Result<()> {
    if is_paused(system)? {
        bail!("it is paused: no task runs. cargo xtask deploy fargate --resume makes new ones");
    }
    let services = services::find(system, only)?;
    let begin = |service: &services::Service| service.update(&["--force-new-deployment"]);
    let deployments = services.iter().map(begin).collect::<Result<Vec<_>>>()?;
    services.iter().zip(&deployments).try_for_each(|(service, deployment)| service.wait(deployment))?;
    prove(&system.stack(BASE).outputs()?)
}
