//! Postgres and Redis, which both targets use: `deploy/data.yaml`.

use anyhow::Result;
use xtask::{child::Interrupted, progress::say};

use crate::{aws, cloudformation::Values, network, options::Options, system::System};

pub(crate) const TEMPLATE: &str = "data.yaml";

const BACKUP_DAYS: &str = "BackupDays";

/// Creates or updates the stack and returns its outputs. The first time, it goes into the requested network.
pub(crate) fn ensure(system: &System, options: &Options, given: &Values) -> Result<Values> {
    let stack = system.stack(TEMPLATE);
    let mut known = Values::new();
    if stack.parameters()?.is_empty() {
        say("first deployment: AWS needs 15 to 20 minutes to create Postgres and Redis");
        known = network::find(options)?;
        if !given.contains_key(BACKUP_DAYS) && is_on_free_plan()? {
            say("the account is on AWS's free plan, which allows one day of backups: BackupDays=1");
            known.insert(BACKUP_DAYS.to_owned(), "1".to_owned());
        }
    }
    system.ensure(&stack, given, &mut known)?;
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
