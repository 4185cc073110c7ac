//! Taking everything down again, but for what was asked to stay.

use anyhow::{Result, bail};

use super::{System, Target, beanstalk, data, services};
use crate::{
    aws::{self, Refused},
    cloudformation::Stack,
    confirm::confirm,
    images::Part,
    progress::say,
};

/// In this order: each stands on those after it.
const FARGATE: [&str; 5] = [
    "fargate/scaling.yaml",
    "fargate/nginx.yaml",
    "fargate/worker.yaml",
    "fargate/server.yaml",
    "fargate/base.yaml",
];
const DOMAIN: &str = "domain.yaml";
const OPERATIONS: &str = "operations.yaml";
const REPOSITORIES: &str = "ecr.yaml";

/// Deletes what the target runs on, and what only it uses; `with_data` also what was stored, of which a last snapshot
/// stays.
pub(crate) fn destroy(system: &System, target: Target, with_data: bool, yes: bool) -> Result<()> {
    let is_there = |template: &str| Ok::<_, anyhow::Error>(system.stack(template).status()?.is_some());
    let other_is_there = match target {
        Target::Fargate => is_there(beanstalk::TEMPLATE)?,
        Target::Beanstalk => is_there(services::template(Part::Server))?,
    };
    if with_data && other_is_there {
        bail!("the other deployment of {} lives on the same data: destroy that one first", system.name);
    }
    let mut templates = match target {
        Target::Fargate => [&FARGATE[..], &[DOMAIN]].concat(),
        Target::Beanstalk => vec![beanstalk::TEMPLATE],
    };
    if !other_is_there {
        templates.extend([OPERATIONS, REPOSITORIES]);
    }
    templates.extend(with_data.then_some(data::TEMPLATE));
    let mut stacks = Vec::new();
    for template in templates {
        if is_there(template)? {
            stacks.push((template, system.stack(template)));
        }
    }
    if stacks.is_empty() {
        say("there is nothing to destroy");
        return Ok(());
    }
    if with_data {
        check_nobody_else_is_in_the_subnets(&system.stack(data::TEMPLATE))?;
    }
    let names = stacks.iter().map(|(_, stack)| stack.name.as_str()).collect::<Vec<_>>().join(", ");
    let stays = if with_data { "A last snapshot of the database stays." } else { "Postgres and Redis stay." };
    let what =
        format!("This deletes {names}, with the images and bundles in them, in {}. {stays}", system.account);
    confirm(&what, &system.name, yes)?;
    for (template, stack) in stacks {
        prepare(template, &stack)?;
        stack.delete(system.role())?;
        say(format!("stack {} is gone", stack.name));
    }
    Ok(())
}

/// A database that was restored beside the stack's keeps its subnets from being deleted, when the stack's is gone.
fn check_nobody_else_is_in_the_subnets(stack: &Stack) -> Result<()> {
    let own = stack.resources("AWS::RDS::DBInstance")?;
    for group in stack.resources("AWS::RDS::DBSubnetGroup")? {
        let query = format!("DBInstances[?DBSubnetGroup.DBSubnetGroupName=='{group}'].DBInstanceIdentifier");
        let instances = aws::words(["rds", "describe-db-instances", "--query", &query])?;
        let others: Vec<_> = instances.into_iter().filter(|instance| !own.contains(instance)).collect();
        if !others.is_empty() {
            bail!(
                "{} is in the same subnets, which could not be deleted. Delete it first: aws rds delete-db-instance \
                 --db-instance-identifier {} --final-db-snapshot-identifier NAME",
                others.join(", "),
                others[0]
            );
        }
    }
    Ok(())
}

/// What AWS does not delete as it is.
fn prepare(template: &str, stack: &Stack) -> Result<()> {
    match template {
        REPOSITORIES => {
            stack.resources("AWS::ECR::Repository")?.iter().try_for_each(|name| empty_repository(name))
        }
        DOMAIN => stack.resources("AWS::Route53::HostedZone")?.iter().try_for_each(|zone| empty_zone(zone)),
        beanstalk::TEMPLATE => stack.resources("AWS::S3::Bucket")?.iter().try_for_each(|bucket| {
            aws::text(["s3", "rm", "--recursive", "--quiet", &format!("s3://{bucket}")]).map(drop)
        }),
        data::TEMPLATE => {
            stack.resources("AWS::RDS::DBInstance")?.iter().try_for_each(|name| unprotect(name))
        }
        _ => Ok(()),
    }
}

/// Not by the stack, which can't be changed any more once a deletion of it failed.
fn unprotect(instance: &str) -> Result<()> {
    let call = ["rds", "modify-db-instance", "--no-deletion-protection", "--apply-immediately"];
    let query = ["--db-instance-identifier", instance, "--query", "DBInstance.DBInstanceStatus"];
    match aws::text(call.into_iter().chain(query)) {
        Err(error) if !Refused::is(&error, "DBInstanceNotFound") => return Err(error),
        _ => {}
    }
    say(format!("the last snapshot of {instance} will be among: aws rds describe-db-snapshots"));
    Ok(())
}

fn empty_repository(name: &str) -> Result<()> {
    // Lists of images go first; what they refer to can go only afterwards.
    for _ in 0..5 {
        let list = ["ecr", "list-images", "--repository-name", name, "--query", "imageIds[].imageDigest"];
        let mut digests = aws::words(list)?;
        if digests.is_empty() {
            return Ok(());
        }
        digests.sort();
        digests.dedup();
        delete_images(name, &digests)?;
    }
    bail!("the repository {name} still holds images")
}

fn delete_images(name: &str, digests: &[String]) -> Result<()> {
    // As many as one call takes.
    for some in digests.chunks(100) {
        let ids = some.iter().map(|digest| format!("imageDigest={digest}")).collect::<Vec<_>>();
        let call = [
            "ecr",
            "batch-delete-image",
            "--repository-name",
            name,
            "--query",
            "failures[].imageId",
            "--image-ids",
        ];
        aws::text(call.into_iter().chain(ids.iter().map(String::as_str)))?;
    }
    Ok(())
}

/// The records by which certificates were validated stay when those go.
fn empty_zone(zone: &str) -> Result<()> {
    let query = "ResourceRecordSets[?Type=='CNAME'].[Name,TTL,ResourceRecords[0].Value]";
    let call = ["route53", "list-resource-record-sets", "--hosted-zone-id", zone, "--query", query];
    for row in aws::rows(call)? {
        let [name, ttl, value] = match <[String; 3]>::try_from(row) {
            Ok(row) if row[0].starts_with('_') => row,
            _ => continue,
        };
        let change = format!(
            r#"{{"Changes":[{{"Action":"DELETE","ResourceRecordSet":{{"Name":"{name}","Type":"CNAME","TTL":{ttl},"ResourceRecords":[{{"Value":"{value}"}}]}}}}]}}"#
        );
        aws::text([
            "route53",
            "change-resource-record-sets",
            "--hosted-zone-id",
            zone,
            "--change-batch",
            &change,
        ])?;
    }
    Ok(())
}
