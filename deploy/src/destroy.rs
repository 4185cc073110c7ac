//! `cargo xtask deploy … --destroy`.

use anyhow::{Result, bail};
use serde_json::json;
use xtask::{confirm::confirm, images::Part, progress::say};

use crate::{
    aws::{self, Refused},
    beanstalk,
    cloudformation::Stack,
    data,
    fargate::{BASE, DOMAIN, SCALING},
    images::REPOSITORIES,
    services::template,
    system::System,
};

const OPERATIONS: &str = "operations.yaml";

/// Deletes everything that runs on Fargate, and what only Fargate uses.
pub(crate) fn fargate(system: &System, with_data: bool, yes: bool) -> Result<()> {
    // Each stack depends on those after it.
    let parts = [Part::Nginx, Part::Worker, Part::Server].map(template);
    let own = [&[SCALING][..], &parts, &[BASE, DOMAIN]].concat();
    destroy(system, own, beanstalk::TEMPLATE, with_data, yes)
}

/// Deletes everything that runs on Beanstalk, and what only Beanstalk uses.
pub(crate) fn beanstalk(system: &System, with_data: bool, yes: bool) -> Result<()> {
    destroy(system, vec![beanstalk::TEMPLATE], template(Part::Server), with_data, yes)
}

/// Deletes a target's own stacks; unless the other target exists, also the shared ones. `with_data` also deletes
/// Postgres and Redis, keeping a final snapshot.
fn destroy(system: &System, own: Vec<&str>, other: &str, with_data: bool, yes: bool) -> Result<()> {
    let exists = |template: &str| Ok::<_, anyhow::Error>(system.stack(template).status()?.is_some());
    let other_exists = exists(other)?;
    if with_data && other_exists {
        bail!("the other deployment of {} uses the same data: destroy that one first", system.name);
    }
    let mut templates = own;
    if !other_exists {
        templates.extend([OPERATIONS, REPOSITORIES]);
    }
    templates.extend(with_data.then_some(data::TEMPLATE));
    let mut stacks = Vec::new();
    for template in templates {
        if exists(template)? {
            stacks.push((template, system.stack(template)));
        }
    }
    if stacks.is_empty() {
        say("there is nothing to destroy");
        return Ok(());
    }
    if with_data {
        check_subnets_are_unused(&system.stack(data::TEMPLATE))?;
    }
    let names = stacks.iter().map(|(_, stack)| stack.name.as_str()).collect::<Vec<_>>().join(", ");
    let kept =
        if with_data { "A final snapshot of the database is kept." } else { "Postgres and Redis are kept." };
    let what = format!("This deletes {names}, with their images and bundles, in {}. {kept}", system.account);
    confirm(&what, &system.name, yes, "--yes")?;
    for (template, stack) in stacks {
        prepare(template, &stack)?;
        stack.delete(system.role())?;
        say(format!("stack {}: deleted", stack.name));
    }
    Ok(())
}

/// Fails if a restored database uses the data stack's subnets: they could not be deleted, and the stack's own database
/// would be gone by then.
fn check_subnets_are_unused(stack: &Stack) -> Result<()> {
    let own = stack.resources("AWS::RDS::DBInstance")?;
    for group in stack.resources("AWS::RDS::DBSubnetGroup")? {
        let query = format!("DBInstances[?DBSubnetGroup.DBSubnetGroupName=='{group}'].DBInstanceIdentifier");
        let mut others: Vec<String> = aws::query(&query, &["rds", "describe-db-instances"])?;
        others.retain(|instance| !own.contains(instance));
        if !others.is_empty() {
            bail!(
                "the subnets cannot be deleted because they contain {}. Delete it first: aws rds delete-db-instance \
                 --db-instance-identifier {} --final-db-snapshot-identifier NAME",
                others.join(", "),
                others[0]
            );
        }
    }
    Ok(())
}

/// Empties or unprotects resources that AWS would otherwise refuse to delete.
fn prepare(template: &str, stack: &Stack) -> Result<()> {
    let each = |kind: &str, action: fn(&str) -> Result<()>| {
        stack.resources(kind)?.iter().try_for_each(|resource| action(resource))
    };
    match template {
        REPOSITORIES => each("AWS::ECR::Repository", empty_repository),
        DOMAIN => each("AWS::Route53::HostedZone", empty_zone),
        beanstalk::TEMPLATE => each("AWS::S3::Bucket", empty_bucket),
        data::TEMPLATE => each("AWS::RDS::DBInstance", unprotect),
        _ => Ok(()),
    }
}

fn empty_bucket(bucket: &str) -> Result<()> {
    aws::call(["s3", "rm", "--recursive", "--quiet", &format!("s3://{bucket}")]).map(drop)
}

/// Removes the deletion protection; not through the stack, which cannot be updated after a failed deletion.
fn unprotect(instance: &str) -> Result<()> {
    let mut call = vec!["rds", "modify-db-instance", "--no-deletion-protection", "--apply-immediately"];
    call.extend(["--db-instance-identifier", instance]);
    if let Err(error) = aws::call(call)
        && !Refused::is(&error, "DBInstanceNotFound")
    {
        return Err(error);
    }
    say(format!("to find the final snapshot of {instance}: aws rds describe-db-snapshots"));
    Ok(())
}

fn empty_repository(name: &str) -> Result<()> {
    // Lists of images first; the images they refer to can be deleted only afterwards.
    for _ in 0..5 {
        let list = ["ecr", "list-images", "--repository-name", name];
        let mut digests: Vec<String> = aws::query("imageIds[].imageDigest", &list)?;
        if digests.is_empty() {
            return Ok(());
        }
        digests.sort();
        digests.dedup();
        // The maximum that one call accepts.
        for chunk in digests.chunks(100) {
            let ids = chunk.iter().map(|digest| format!("imageDigest={digest}")).collect::<Vec<_>>();
            let mut call = vec!["ecr", "batch-delete-image", "--repository-name", name, "--image-ids"];
            call.extend(ids.iter().map(String::as_str));
            aws::call(call)?;
        }
    }
    bail!("the repository {name} still contains images")
}

/// Deletes the records that validated certificates, which outlive those.
fn empty_zone(zone: &str) -> Result<()> {
    let query = "ResourceRecordSets[?Type=='CNAME'].[Name,TTL,ResourceRecords[0].Value]";
    let call = ["route53", "list-resource-record-sets", "--hosted-zone-id", zone];
    let records: Vec<(String, Option<u32>, Option<String>)> = aws::query(query, &call)?;
    for (name, ttl, value) in records.into_iter().filter(|(name, ..)| name.starts_with('_')) {
        let record =
            json!({ "Name": name, "Type": "CNAME", "TTL": ttl, "ResourceRecords": [{ "Value": value }] });
        let batch = json!({ "Changes": [{ "Action": "DELETE", "ResourceRecordSet": record }] }).to_string();
        let mut call = vec!["route53", "change-resource-record-sets", "--hosted-zone-id", zone];
        call.extend(["--change-batch", &batch]);
        aws::call(call)?;
    }
    Ok(())
}
