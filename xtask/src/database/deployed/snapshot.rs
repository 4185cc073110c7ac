//! RDS' own backups: snapshots, and instances made from them or from a moment.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{
    aws,
    deploy::System,
    progress::{Step, say},
};

/// The instance behind a host: RDS names the one after the other.
pub(super) fn instance(host: &str) -> &str {
    host.split('.').next().unwrap_or(host)
}

/// Makes a snapshot and waits for it.
pub(super) fn make(system: &System, host: &str) -> Result<()> {
    let (instance, snapshot) = (instance(host), format!("{}-{}", system.name, now()?));
    let tag = tag(system);
    let call = ["rds", "create-db-snapshot", "--db-instance-identifier", instance];
    let more = ["--db-snapshot-identifier", &snapshot, "--tags", &tag, "--query", "DBSnapshot.Status"];
    aws::text(call.into_iter().chain(more))?;
    let step = Step::begin(&format!("snapshot {snapshot}"));
    aws::wait_for(|| {
        let query = "DBSnapshots[0].[Status,PercentProgress]";
        let call = ["rds", "describe-db-snapshots", "--db-snapshot-identifier", &snapshot, "--query", query];
        let row = aws::words(call)?;
        let status = row.first().map(String::as_str).unwrap_or_default();
        step.is_doing(&format!("{status}, {} %", row.get(1).map_or("0", String::as_str)));
        match status {
            "available" => Ok(Some(())),
            "failed" => bail!("the snapshot failed; the events of {instance} in RDS' console say why"),
            _ => Ok(None),
        }
    })?;
    say(format!(
        "snapshot {snapshot} is there and costs until it is deleted. To use it: cargo xtask db restore --deployed \
         --system {} --to {snapshot}",
        system.name
    ));
    Ok(())
}

/// What a new instance has in common with the old one.
struct Like {
    class: String,
    subnets: String,
    backup_days: String,
    groups: Vec<String>,
}

impl Like {
    fn read(instance: &str) -> Result<Self> {
        let query = "DBInstances[0].[DBInstanceClass, DBSubnetGroup.DBSubnetGroupName, to_string(BackupRetentionPeriod), \
                     join(' ', VpcSecurityGroups[].VpcSecurityGroupId)]";
        let call = ["rds", "describe-db-instances", "--db-instance-identifier", instance, "--query", query];
        let row = aws::rows(call)?
            .into_iter()
            .next()
            .with_context(|| format!("there is no instance {instance}"))?;
        let [class, subnets, backup_days, groups] =
            row.try_into().ok().with_context(|| format!("AWS does not say how {instance} is made"))?;
        let groups = groups.split(' ').map(str::to_owned).collect();
        Ok(Self { class, subnets, backup_days, groups })
    }
}

/// Makes an instance as the database was then, and waits until it answers. Gives its host.
pub(super) fn restore(system: &System, host: &str, to: &str) -> Result<String> {
    let old = instance(host);
    let like = Like::read(old)?;
    let new = format!("{}-restored-{}", system.name, now()?);
    let call = call(old, &new, to, &like, &tag(system));
    aws::text(&call)?;
    say(format!("{new} is being made; that takes RDS ten minutes and more"));
    let status = |query: &str| {
        aws::words(["rds", "describe-db-instances", "--db-instance-identifier", &new, "--query", query])
    };
    let step = Step::begin(&new);
    let host = aws::wait_for(|| {
        let row = status("DBInstances[0].[DBInstanceStatus,Endpoint.Address]")?;
        let now = row.first().map(String::as_str).unwrap_or_default();
        step.is_doing(now);
        if now.starts_with("incompatible-") || matches!(now, "failed" | "restore-error") {
            bail!("{new} is {now}; its events in RDS' console say why");
        }
        Ok(row.get(1).filter(|_| now == "available").cloned())
    })?;
    // Not a parameter of older CLIs when an instance is restored.
    let modify = ["rds", "modify-db-instance", "--db-instance-identifier", &new, "--apply-immediately"];
    let days = ["--backup-retention-period", &like.backup_days, "--query", "DBInstance.DBInstanceStatus"];
    aws::text(modify.into_iter().chain(days))?;
    Ok(host)
}

fn call(old: &str, new: &str, to: &str, like: &Like, tag: &str) -> Vec<String> {
    let mut call: Vec<&str> = match to {
        "latest" => vec![
            "restore-db-instance-to-point-in-time",
            "--source-db-instance-identifier",
            old,
            "--target-db-instance-identifier",
            new,
            "--use-latest-restorable-time",
        ],
        time if is_time(time) => vec![
            "restore-db-instance-to-point-in-time",
            "--source-db-instance-identifier",
            old,
            "--target-db-instance-identifier",
            new,
            "--restore-time",
            time,
        ],
        snapshot => vec![
            "restore-db-instance-from-db-snapshot",
            "--db-instance-identifier",
            new,
            "--db-snapshot-identifier",
            snapshot,
        ],
    };
    call.extend(["--db-instance-class", &like.class, "--db-subnet-group-name", &like.subnets]);
    call.push("--vpc-security-group-ids");
    call.extend(like.groups.iter().map(String::as_str));
    call.extend([
        "--no-publicly-accessible",
        "--deletion-protection",
        "--copy-tags-to-snapshot",
        "--tags",
        tag,
    ]);
    call.extend(["--query", "DBInstance.DBInstanceStatus"]);
    ["rds"].into_iter().chain(call).map(str::to_owned).collect()
}

/// `2026-05-01T12:00:00Z`. A snapshot's name begins with a letter.
fn is_time(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit()) && text.contains('T') && text.contains(':')
}

fn tag(system: &System) -> String {
    format!("Key=system,Value={}", system.name)
}

/// `20260501-120000`, in UTC.
fn now() -> Result<String> {
    let output = Command::new("date").args(["-u", "+%Y%m%d-%H%M%S"]).output().context("date does not run")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn like() -> Like {
        let groups = vec!["sg-1".to_owned(), "sg-2".to_owned()];
        let (class, subnets) = ("db.t4g.micro".to_owned(), "some".to_owned());
        Like { class, subnets, backup_days: "7".to_owned(), groups }
    }

    #[test]
    fn a_restored_instance_is_where_the_old_one_is() {
        let call = |to| call("old", "new", to, &like(), "Key=system,Value=fibstack").join(" ");
        let same = " --db-instance-class db.t4g.micro --db-subnet-group-name some --vpc-security-group-ids sg-1 sg-2 \
                    --no-publicly-accessible --deletion-protection --copy-tags-to-snapshot --tags \
                    Key=system,Value=fibstack --query DBInstance.DBInstanceStatus";
        let point = "rds restore-db-instance-to-point-in-time --source-db-instance-identifier old \
                     --target-db-instance-identifier new";
        assert_eq!(call("latest"), format!("{point} --use-latest-restorable-time{same}"));
        let time = "2026-05-01T12:00:00Z";
        assert_eq!(call(time), format!("{point} --restore-time {time}{same}"));
        let snapshot =
            "rds restore-db-instance-from-db-snapshot --db-instance-identifier new --db-snapshot-identifier";
        assert_eq!(call("fibstack-20260501-120000"), format!("{snapshot} fibstack-20260501-120000{same}"));
    }

    #[test]
    fn an_instance_is_named_in_its_host() {
        assert_eq!(
            instance("fibstack-data-database-x.abc.eu-central-1.rds.amazonaws.com"),
            "fibstack-data-database-x"
        );
    }
}
