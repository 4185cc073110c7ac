//! Postgres and Redis, which both targets use: `deploy/data.yaml`.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use xtask::{child::Interrupted, progress::say};

use crate::{aws, cloudformation::Values, network, options::Options, system::System};

pub(crate) const TEMPLATE: &str = "data.yaml";

const BACKUP_DAYS: &str = "BackupDays";

/// Returns the parameters of the first deployment: the requested network, and what the account's plan requires. Empty
/// for later ones. Fails if AWS could not create the stack there, so call it before work that takes minutes.
pub(crate) fn prepare(system: &System, options: &Options, given: &Values) -> Result<Values> {
    let existing = system.stack(TEMPLATE).parameters()?;
    if !existing.is_empty() {
        let ids = |text: &str| text.split(',').map(|id| id.trim().to_owned()).collect::<BTreeSet<_>>();
        for (option, wanted, name) in
            [("--vpc", &options.vpc, "VpcId"), ("--subnets", &options.subnets, "SubnetIds")]
        {
            let chosen = existing.get(name).map_or("", String::as_str);
            if wanted.as_deref().is_some_and(|wanted| ids(wanted) != ids(chosen)) {
                bail!(
                    "{} is already in another network, which cannot change: omit {option}, or set it to {chosen}",
                    system.name
                );
            }
        }
        return Ok(Values::new());
    }
    let mut found = network::find(options)?;
    if !given.contains_key(BACKUP_DAYS) && is_on_free_plan()? {
        say("the account is on AWS's free plan, which allows one day of backups: BackupDays=1");
        found.insert(BACKUP_DAYS.to_owned(), "1".to_owned());
    }
    Ok(found)
}

/// Creates or updates the stack and returns its outputs.
pub(crate) fn ensure(system: &System, given: &Values, prepared: Values) -> Result<Values> {
    if !prepared.is_empty() {
        say("first deployment: AWS needs 15 to 20 minutes to create Postgres and Redis");
    }
    let mut known = prepared;
    system.ensure(&system.stack(TEMPLATE), given, &mut known)?;
    Ok(known)
}

/// Returns true if the account is on AWS's free plan. There, RDS would refuse the default of `BackupDays`, but only
/// after Redis was created, and CloudFormation would then delete everything again.
fn is_on_free_plan() -> Result<bool> {
    // The service exists only in this region.
    let call = ["freetier", "get-account-plan-state", "--region", "us-east-1"];
    match aws::query::<Option<String>>("accountPlanType", &call) {
        Ok(Some(plan)) => Ok(plan == "FREE"),
        Err(error) if error.is::<Interrupted>() => Err(error),
        _ => {
            say(
                "cannot find out whether the account is on AWS's free plan: if it is, interrupt with Ctrl-C and add \
                 --set BackupDays=1",
            );
            Ok(false)
        }
    }
}
