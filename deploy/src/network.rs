//! The network that a system is created in.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use xtask::progress::say;

use crate::{
    aws,
    cloudformation::{Values, values},
    options::Options,
};

/// A VPC: its id, its first network, and all of them.
type Vpc = (String, String, Option<Vec<String>>);

/// Returns the parameters of the network: the requested VPC, or the default one, with its public subnets.
pub(crate) fn find(options: &Options) -> Result<Values> {
    let mut call = vec!["ec2", "describe-vpcs"];
    match options.vpc.as_deref() {
        Some(vpc) => call.extend(["--vpc-ids", vpc]),
        None => call.extend(["--filters", "Name=is-default,Values=true"]),
    }
    let query = "Vpcs[0].[VpcId,CidrBlock,CidrBlockAssociationSet[].CidrBlock]";
    let Some((vpc, range, all)) = aws::query::<Option<Vpc>>(query, &call)? else {
        bail!("no default VPC: choose one with --vpc and --subnets, or run aws ec2 create-default-vpc")
    };
    let subnets = match &options.subnets {
        Some(subnets) => {
            let ids: Vec<_> = subnets.split(',').map(str::trim).collect();
            let found = Subnet::find(&[&["--subnet-ids"], &ids[..]].concat())?;
            check(&vpc, &found)?;
            found.into_iter().map(|subnet| subnet.id).collect::<Vec<_>>().join(",")
        }
        None => public_subnets(&vpc).context("failed to find the public subnets")?,
    };
    say(format!("network {vpc}, {range}, {} subnets", subnets.split(',').count()));
    if all.is_some_and(|all| all.len() > 1) {
        say(format!(
            "{vpc} has more networks than {range}, but only load balancers in that one are trusted to report the \
             addresses of visitors: choose --subnets in it"
        ));
    }
    Ok(values(&[("VpcId", &vpc), ("VpcCidr", &range), ("SubnetIds", &subnets)]))
}

/// Zones without current machine types, or without Fargate.
const OLD_ZONES: [&str; 4] = ["use1-az3", "usw1-az2", "apne1-az3", "cac1-az4"];

/// A subnet, sorted by its zone.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
struct Subnet {
    zone: String,
    id: String,
    zone_id: Option<String>,
    vpc: Option<String>,
}

impl Subnet {
    fn find(which: &[&str]) -> Result<Vec<Self>> {
        let query = "Subnets[].{zone:AvailabilityZone,id:SubnetId,zone_id:AvailabilityZoneId,vpc:VpcId}";
        aws::query(query, &[&["ec2", "describe-subnets"], which].concat())
    }

    fn is_in_old_zone(&self) -> bool {
        self.zone_id.as_deref().is_some_and(|zone| OLD_ZONES.contains(&zone))
    }
}

/// Fails if load balancer, database or tasks could not use these subnets.
fn check(vpc: &str, subnets: &[Subnet]) -> Result<()> {
    if let Some(Subnet { id, vpc: Some(other), .. }) =
        subnets.iter().find(|subnet| subnet.vpc.as_deref().is_some_and(|other| other != vpc))
    {
        bail!("{id} is in {other}, not in {vpc}: choose --subnets in it, or add --vpc {other}");
    }
    if let Some(Subnet { zone, id, .. }) = subnets.iter().find(|subnet| subnet.is_in_old_zone()) {
        bail!("{id} is in {zone}, a zone without Fargate or current machine types: choose other --subnets");
    }
    let mut zones = BTreeSet::new();
    if let Some(Subnet { zone, .. }) = subnets.iter().find(|subnet| !zones.insert(&subnet.zone)) {
        bail!("the --subnets must be in different availability zones, but two are in {zone}");
    }
    if zones.len() < 2 {
        bail!("the --subnets must be in at least two availability zones");
    }
    Ok(())
}

/// Returns one subnet in each availability zone, as load balancers and databases need them.
fn public_subnets(vpc: &str) -> Result<String> {
    let of = format!("Name=vpc-id,Values={vpc}");
    let mut subnets = Subnet::find(&["--filters", &of, "Name=map-public-ip-on-launch,Values=true"])?;
    subnets.retain(|subnet| !subnet.is_in_old_zone());
    subnets.sort();
    subnets.dedup_by(|next, first| next.zone == first.zone);
    if subnets.len() < 2 {
        bail!(
            "{vpc} has public subnets in only {} of two required availability zones: set --subnets",
            subnets.len()
        );
    }
    Ok(subnets.into_iter().map(|subnet| subnet.id).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnets_that_a_load_balancer_could_not_use_are_refused() {
        let subnet = |zone: &str, zone_id: &str| Subnet {
            zone: zone.to_owned(),
            id: format!("subnet-{zone}"),
            zone_id: Some(zone_id.to_owned()),
            vpc: Some("vpc-1".to_owned()),
        };
        let (first, second, old) =
            (subnet("a", "use1-az1"), subnet("b", "use1-az2"), subnet("e", "use1-az3"));
        let error = check("vpc-1", &[first.clone(), old]).unwrap_err().to_string();
        assert!(error.starts_with("subnet-e is in e, a zone without Fargate"), "{error}");
        let error = check("vpc-1", std::slice::from_ref(&second)).unwrap_err().to_string();
        assert!(error.contains("two availability zones"), "{error}");
        let both = [first.clone(), second.clone()];
        assert!(check("vpc-1", &both).is_ok());
        // A load balancer accepts only one subnet in each.
        let error = check("vpc-1", &[first.clone(), second, first]).unwrap_err().to_string();
        assert!(error.ends_with("but two are in a"), "{error}");
        let error = check("vpc-2", &both).unwrap_err().to_string();
        assert_eq!(error, "subnet-a is in vpc-1, not in vpc-2: choose --subnets in it, or add --vpc vpc-1");
    }
}
