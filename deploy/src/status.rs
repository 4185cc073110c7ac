//! `cargo xtask deploy … --status`.

use anyhow::Result;
use xtask::images::Part;

use crate::{
    aws,
    beanstalk::{
        self,
        environment::{Health, newest_events},
    },
    data,
    fargate::{BASE, DOMAIN, SCALING},
    services::{self, template},
    system::System,
};

/// Shows stacks, services with their events, the load balancer's targets and the address.
pub(crate) fn fargate(system: &System) -> Result<()> {
    let parts = services::PARTS.map(template);
    show_stacks(system, &[&[data::TEMPLATE, "ecr.yaml", DOMAIN, BASE][..], &parts, &[SCALING]].concat())?;
    for service in services::find(system, &[])? {
        let state = service.state()?;
        let rollout = state.rollout.as_deref().unwrap_or("no deployment");
        println!("\n{}: {} of {} tasks running, {rollout}", service.part, state.running, state.desired);
        for line in service.events(5)?.into_iter().chain(service.failures()?) {
            println!("  {line}");
        }
    }
    let base = system.stack(BASE).outputs()?;
    if let Some(group) = base.get("NginxTargetGroup") {
        println!("\ntargets of the load balancer ({}):", Part::Nginx);
        let query = "TargetHealthDescriptions[].[Target.Id,TargetHealth.State,TargetHealth.Description]";
        let call = ["elbv2", "describe-target-health", "--target-group-arn", group];
        for row in aws::query::<Vec<Vec<Option<String>>>>(query, &call)? {
            println!("  {}", row.into_iter().flatten().collect::<Vec<_>>().join("  "));
        }
    }
    if let Some(url) = base.get("Url") {
        println!("\n{url}");
    }
    Ok(())
}

/// Shows stacks, the environment with its health and latest events, and the address.
pub(crate) fn beanstalk(system: &System) -> Result<()> {
    show_stacks(system, &[data::TEMPLATE, "ecr.yaml", beanstalk::TEMPLATE])?;
    let url = beanstalk::url(system)?;
    let query = "Environments[0].[Status,Health,VersionLabel,PlatformArn]";
    let call = ["elasticbeanstalk", "describe-environments", "--environment-names", &system.name];
    if let Some(row) = aws::query::<Option<Vec<Option<String>>>>(query, &call)? {
        println!("\n{}", row.into_iter().flatten().collect::<Vec<_>>().join("  "));
    }
    println!("health: {}", Health::of(&system.name)?);
    println!("\nevents:");
    for (date, severity, message) in newest_events(&system.name, 10)? {
        println!("  {date}  {severity}  {message}");
    }
    println!("\n{url}");
    Ok(())
}

fn show_stacks(system: &System, templates: &[&str]) -> Result<()> {
    for template in templates {
        let stack = system.stack(template);
        if let Some(status) = stack.status()? {
            println!("{:24} {status}", stack.name);
        }
    }
    Ok(())
}
