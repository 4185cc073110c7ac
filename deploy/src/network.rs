//! The network that a system is created in.

use anyhow::{Context, Result, bail};
use xtask::progress::say;

use crate::{
    aws,
    cloudformation::{Values, values},
    options::Options,
};

/// Returns the parameters of the network: the requested VPC, or the default one, with its public subnets.
pub(crate) fn find(options: &Options) -> Result<Values> {
    let mut call = vec!["ec2", "describe-vpcs"];
    match options.vpc.as_deref() {
        Some(vpc) => call.extend(["--vpc-ids", vpc]),
        None => call.extend(["--filters", "Name=is-default,Values=true"]),
    }
    let Some((vpc, range)) = aws::query::<Option<(String, String)>>("Vpcs[0].[VpcId,CidrBlock]", &call)?
    else {
        bail!("no default VPC: choose one with --vpc and --subnets, or run aws ec2 create-default-vpc")
    };
    let subnets = match &options.subnets {
        Some(subnets) => subnets.clone(),
        None => public_subnets(&vpc).context("failed to find the public subnets")?,
    };
    say(format!("network {vpc}, {range}, {} subnets", subnets.split(',').count()));
    Ok(values(&[("VpcId", &vpc), ("VpcCidr", &range), ("SubnetIds", &subnets)]))
}

/// Zones without current machine types, or without Fargate.
const OLD_ZONES: [&str; 4] = ["use1-az3", "usw1-az2", "apne1-az3", "cac1-az4"];

/// Returns one subnet in each availability zone, as load balancers and databases need them.
fn public_subnets(vpc: &str) -> Result<String> {
    let of = format!("Name=vpc-id,Values={vpc}");
    let call = ["ec2", "describe-subnets", "--filters", &of, "Name=map-public-ip-on-launch,Values=true"];
    let query = "Subnets[].[AvailabilityZone,SubnetId,AvailabilityZoneId]";
    let mut subnets: Vec<(String, String, Option<String>)> = aws::query(query, &call)?;
    subnets.retain(|(_, _, zone)| zone.as_deref().is_none_or(|zone| !OLD_ZONES.contains(&zone)));
    subnets.sort();
    subnets.dedup_by(|next, first| next.0 == first.0);
    if subnets.len() < 2 {
        bail!(
            "{vpc} has public subnets in only {} of two required availability zones: set --subnets",
            subnets.len()
        );
    }
    Ok(subnets.into_iter().map(|(_, subnet, _)| subnet).collect::<Vec<_>>().join(","))
}
