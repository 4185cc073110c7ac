//! `cargo xtask deploy fargate --pause`, `--resume` and `--force-new-deployment`.

use anyhow::{Context, Result, bail};
use xtask::{images::Part, progress::say};

use crate::{
    aws,
    cloudformation::Values,
    fargate::{self, BASE, SCALING, is_paused},
    services::{self, Service, template},
    system::System,
};

/// Stops all tasks, with alarms disabled. All data stays.
pub(crate) fn pause(system: &System) -> Result<()> {
    set_alarm(system, "disable-alarm-actions")?;
    let services = services::find(system, &[])?;
    let scaling = system.stack(SCALING).parameters()?;
    update(&services, |service| {
        // Suspend autoscaling first, or it would start a task again.
        if minimum(&scaling, service.part).is_some() {
            service.scale(0, false)?;
        }
        service.update(&["--desired-count", "0"])
    })?;
    say(
        "paused. The load balancer, Postgres and Redis still cost money. To resume: cargo xtask deploy fargate --resume",
    );
    Ok(())
}

/// Starts the minimum number of tasks.
pub(crate) fn resume(system: &System) -> Result<()> {
    let services = services::find(system, &[])?;
    let scaling = system.stack(SCALING).parameters()?;
    update(&services, |service| {
        let minimum = minimum(&scaling, service.part);
        if let Some(minimum) = minimum {
            service.scale(minimum.parse().context("the minimum number of tasks must be a number")?, true)?;
        }
        service.update(&["--desired-count", minimum.map_or("1", String::as_str)])
    })?;
    set_alarm(system, "enable-alarm-actions")?;
    fargate::test(system, &system.stack(BASE).outputs()?)
}

/// Replaces the tasks by new ones with the same images.
pub(crate) fn replace(system: &System, only: &[Part]) -> Result<()> {
    if is_paused(system)? {
        bail!("the system is paused; cargo xtask deploy fargate --resume starts new tasks");
    }
    update(&services::find(system, only)?, |service| service.update(&["--force-new-deployment"]))?;
    fargate::test(system, &system.stack(BASE).outputs()?)
}

/// Changes all services, then waits for all of them.
fn update(services: &[Service], change: impl FnMut(&Service) -> Result<String>) -> Result<()> {
    let deployments = services.iter().map(change).collect::<Result<Vec<_>>>()?;
    services.iter().zip(&deployments).try_for_each(|(service, deployment)| service.wait(deployment))
}

/// Returns the minimum number of a part's tasks, if it is scaled.
fn minimum(scaling: &Values, part: Part) -> Option<&String> {
    match part {
        Part::Server => scaling.get("ServerCount"),
        Part::Worker => scaling.get("WorkerCount"),
        Part::Nginx | Part::Debug => None,
    }
}

fn set_alarm(system: &System, verb: &str) -> Result<()> {
    let outputs = system.stack(template(Part::Server)).outputs()?;
    if let Some(alarm) = outputs.get("ReadinessAlarm") {
        aws::call(["cloudwatch", verb, "--alarm-names", alarm])?;
    }
    Ok(())
}
