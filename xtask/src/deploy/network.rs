//! Which network all of it is in.

use anyhow::{Context, Result, bail};

use super::Options;
use crate::{aws, cloudformation::Values, progress::say};

/// The parameters that name it: the VPC that is asked for, else the default one, with its public subnets.
pub(crate) fn find(options: &Options) -> Result<Values> {
    let query = "Vpcs[0].[VpcId,CidrBlock]";
    let mut call = vec!["ec2", "describe-vpcs", "--query", query];
    match options.vpc.as_deref() {
        Some(vpc) => call.extend(["--vpc-ids", vpc]),
        None => call.extend(["--filters", "Name=is-default,Values=true"]),
    }
    let rows = aws::rows(call)?;
    let Some([vpc, range]) = rows.first().map(Vec::as_slice) else {
        bail!(
            "there is no default VPC here: name one with --vpc and --subnets, or make it: aws ec2 create-default-vpc"
        )
    };
    let subnets = match &options.subnets {
        Some(subnets) => subnets.clone(),
        None => public_subnets(vpc).context("find the public subnets")?,
    };
    say(format!("network {vpc}, {range}, {} subnets", subnets.split(',').count()));
    let pairs = [("VpcId", vpc), ("VpcCidr", range), ("SubnetIds", &subnets)];
    Ok(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.clone())).collect())
}

/// Zones without the machines of today, or without Fargate.
const OLD_ZONES: [&str; 4] = ["use1-az3", "usw1-az2", "apne1-az3", "cac1-az4"];

/// One in each availability zone, as load balancers and databases want them.
fn public_subnets(vpc: &str) -> Result<String> {
    let of = format!("Name=vpc-id,Values={vpc}");
    let filters = ["--filters", &of, "Name=map-public-ip-on-launch,Values=true"];
    let query = ["--query", "Subnets[].[AvailabilityZone,SubnetId,AvailabilityZoneId]"];
    let mut rows = aws::rows(["ec2", "describe-subnets"].into_iter().chain(filters).chain(query))?;
    rows.retain(|row| row.get(2).is_none_or(|zone| !OLD_ZONES.contains(&zone.as_str())));
    rows.sort();
    rows.dedup_by(|next, first| next.first() == first.first());
    let subnets: Vec<_> = rows.into_iter().filter_map(|row| row.into_iter().nth(1)).collect();
    if subnets.len() < 2 {
        bail!(
            "{vpc} has public subnets in {} availability zones, and two are needed: --subnets",
            subnets.len()
        );
    }
    Ok(subnets.join(","))
}
