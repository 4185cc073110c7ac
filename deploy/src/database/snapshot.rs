//! RDS's own backups: snapshots, and instances restored from a snapshot or to a point in time.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use xtask::progress::{Step, say};

use crate::{aws, system::System};

/// Returns the instance behind a host, which RDS names after it.
pub(super) fn instance(host: &str) -> &str {
    host.split('.').next().unwrap_or(host)
}

/// Creates a snapshot and waits for it.
pub(super) fn create(system: &System, host: &str) -> Result<()> {
    let (instance, snapshot) = (instance(host), format!("{}-{}", system.name, aws::timestamp()));
    let mut call = vec!["rds", "create-db-snapshot", "--db-instance-identifier", instance];
    let tag = tag(system);
    call.extend(["--db-snapshot-identifier", &snapshot, "--tags", &tag]);
    aws::call(call)?;
    let step = Step::begin(&format!("snapshot {snapshot}"));
    aws::wait_for(|| {
        let call = ["rds", "describe-db-snapshots", "--db-snapshot-identifier", &snapshot];
        let (status, percent): (String, Option<u32>) =
            aws::query("DBSnapshots[0].[Status,PercentProgress]", &call)?;
        step.is_doing(&format!("{status}, {} %", percent.unwrap_or(0)));
        match status.as_str() {
            "available" => Ok(Some(())),
            "failed" => bail!("the snapshot failed; see the events of {instance} in the RDS console"),
            _ => Ok(None),
        }
    })?;
    say(format!(
        "created snapshot {snapshot}, which costs money until it is deleted. To restore it: cargo xtask db restore \
         --deployed --system {} --to {snapshot}",
        system.name
    ));
    Ok(())
}

/// Settings that a new instance copies from the old one.
#[derive(Debug, Deserialize)]
struct Settings {
    class: String,
    subnets: String,
    backup_days: u32,
    groups: Vec<String>,
}

impl Settings {
    fn of(instance: &str) -> Result<Self> {
        let query = "DBInstances[0].{class:DBInstanceClass,subnets:DBSubnetGroup.DBSubnetGroupName,\
                     backup_days:BackupRetentionPeriod,groups:VpcSecurityGroups[].VpcSecurityGroupId}";
        aws::query(query, &["rds", "describe-db-instances", "--db-instance-identifier", instance])
    }
}

/// Creates an instance with the database as it was, waits until it is available, and returns its host.
pub(super) fn restore(system: &System, host: &str, to: &str) -> Result<String> {
    let old = instance(host);
    let settings = Settings::of(old)?;
    let new = format!("{}-restored-{}", system.name, aws::timestamp());
    aws::call(call(old, &new, to, &settings, &tag(system)))?;
    say(format!("creating {new}, which takes RDS ten minutes or more"));
    let step = Step::begin(&new);
    let host = aws::wait_for(|| {
        let call = ["rds", "describe-db-instances", "--db-instance-identifier", &new];
        let (status, host): (String, Option<String>) =
            aws::query("DBInstances[0].[DBInstanceStatus,Endpoint.Address]", &call)?;
        step.is_doing(&status);
        if status.starts_with("incompatible-") || matches!(status.as_str(), "failed" | "restore-error") {
            bail!("{new} is {status}; see its events in the RDS console");
        }
        Ok(host.filter(|_| status == "available"))
    })?;
    // Older CLIs do not accept this when an instance is restored.
    let days = settings.backup_days.to_string();
    let mut call = vec!["rds", "modify-db-instance", "--db-instance-identifier", &new, "--apply-immediately"];
    call.extend(["--backup-retention-period", &days]);
    aws::call(call).context("failed to set how long backups of the new instance are kept")?;
    Ok(host)
}

fn call<'a>(old: &'a str, new: &'a str, to: &'a str, settings: &'a Settings, tag: &'a str) -> Vec<&'a str> {
    let mut call = vec!["rds"];
    if to == "latest" || is_time(to) {
        call.extend(["restore-db-instance-to-point-in-time", "--source-db-instance-identifier", old]);
        call.extend(["--target-db-instance-identifier", new]);
        match to {
            "latest" => call.push("--use-latest-restorable-time"),
            time => call.extend(["--restore-time", time]),
        }
    } else {
        call.extend(["restore-db-instance-from-db-snapshot", "--db-instance-identifier", new]);
        call.extend(["--db-snapshot-identifier", to]);
    }
    call.extend(["--db-instance-class", &settings.class, "--db-subnet-group-name", &settings.subnets]);
    call.push("--vpc-security-group-ids");
    call.extend(settings.groups.iter().map(String::as_str));
    call.extend([
        "--no-publicly-accessible",
        "--deletion-protection",
        "--copy-tags-to-snapshot",
        "--tags",
        tag,
    ]);
    call
}

/// Returns true for a time such as `2026-05-01T12:00:00Z`. The name of a snapshot starts with a letter.
fn is_time(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit()) && text.contains('T') && text.contains(':')
}

fn tag(system: &System) -> String {
    format!("Key=system,Value={}", system.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restored_instance_has_the_settings_of_the_old_one() {
        let settings = Settings {
            class: "db.t4g.micro".to_owned(),
            subnets: "some".to_owned(),
            backup_days: 7,
            groups: vec!["sg-1".to_owned(), "sg-2".to_owned()],
        };
        let call = |to| call("old", "new", to, &settings, "Key=system,Value=fibstack").join(" ");
        let same = " --db-instance-class db.t4g.micro --db-subnet-group-name some --vpc-security-group-ids sg-1 sg-2 \
                    --no-publicly-accessible --deletion-protection --copy-tags-to-snapshot --tags \
                    Key=system,Value=fibstack";
        let point = "rds restore-db-instance-to-point-in-time --source-db-instance-identifier old \
                     --target-db-instance-identifier new";
        assert_eq!(call("latest"), format!("{point} --use-latest-restorable-time{same}"));
        let time = "2026-05-01T12:00:00Z";
        assert_eq!(call(time), format!("{point} --restore-time {time}{same}"));
        let snapshot =
            "rds restore-db-instance-from-db-snapshot --db-instance-identifier new --db-snapshot-identifier";
        assert_eq!(call("fibstack-20260501-120000"), format!("{snapshot} fibstack-20260501-120000{same}"));
    }
}
