//! fibstack on Elastic Beanstalk: `deploy/beanstalk.yaml`.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, bail};

use super::{
    Options, Platform, System, bundle, data,
    delivery::{Delivered, deliver},
    services::PARTS,
    submission,
};
use crate::{
    aws,
    cloudformation::{Stack, Values},
    job::Job,
    progress::{Step, elapsed, say},
    project,
};

pub(crate) const TEMPLATE: &str = "beanstalk.yaml";

/// How long an environment that was deployed to may take until its health is good again, in seconds.
const HEALTHY_WITHIN: u64 = 900;

impl Platform {
    pub(crate) const ALL: [Self; 2] = [Self::Docker, Self::Ecs];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Ecs => "ecs",
        }
    }

    /// As Beanstalk calls it.
    fn kind(self) -> &'static str {
        match self {
            Self::Docker => "Docker",
            Self::Ecs => "ECS",
        }
    }

    /// Its newest version: older ones retire.
    fn current_version(self) -> Result<String> {
        // As JSON: the CLI's shorter form knows no operator that is an equals sign.
        let filters = format!(
            r#"[{{"Type":"PlatformBranchName","Operator":"=","Values":["{} running on 64bit Amazon Linux 2023"]}},
                {{"Type":"PlatformLifecycleState","Operator":"=","Values":["Recommended"]}}]"#,
            self.kind()
        );
        let call = ["elasticbeanstalk", "list-platform-versions", "--filters", &filters];
        let rows = aws::rows(
            call.into_iter().chain(["--query", "PlatformSummaryList[].[PlatformVersion,PlatformArn]"]),
        )?;
        let newest = rows.into_iter().max_by_key(|row| numbers(row.first().map_or("", String::as_str)));
        newest
            .and_then(|row| row.into_iter().nth(1))
            .with_context(|| format!("Beanstalk has no current platform for {}", self.kind()))
    }
}

/// `4.10.2` is newer than `4.9.1`.
fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|number| number.parse().unwrap_or(0)).collect()
}

/// Brings about everything.
pub(crate) fn deploy(system: &System, options: &Options) -> Result<()> {
    if system.name.len() < 4 {
        bail!("Beanstalk takes names of four characters and more: another --system");
    }
    let stack = system.stack(TEMPLATE);
    let before = stack.parameters()?;
    if let Some(other) = before.get("Platform").filter(|platform| *platform != options.platform.kind()) {
        bail!(
            "{} is on Beanstalk's platform {other}, which stays: the other one takes another --system",
            system.name
        );
    }
    let delivered = deliver(system, options, &PARTS)?;
    let mut given = options.set.clone();
    given.insert("System".to_owned(), system.name.clone());
    given.insert("Name".to_owned(), system.name.clone());
    given.insert("Platform".to_owned(), options.platform.kind().to_owned());

    let mut known = data::bring_about(system, options, &given)?;
    let mut told = stack.outputs()?;
    if !told.contains_key("Bucket") {
        system.bring_about(&stack, &given, &mut known)?;
        told.clone_from(&known);
    }
    let version = upload(&told, options.platform, &delivered)?;
    given.insert("Version".to_owned(), version);
    given.extend(before.get("Version").map(|before| ("PreviousVersion".to_owned(), before.clone())));
    given.insert("PlatformArn".to_owned(), options.platform.current_version()?);
    run(system, &stack, &given, &mut known)
}

/// Makes the environment run the version that is given, and waits until it does well.
fn run(system: &System, stack: &Stack, given: &Values, known: &mut Values) -> Result<()> {
    let mut events = Events::of(&system.name);
    let step = Step::begin("environment");
    system.bring_about_and(stack, given, known, &mut || events.tell_new(&step))?;
    wait_for_health(&system.name, &mut events, &step)?;
    drop(step);
    let url = known.get("Url").context("the environment has no address")?;
    submission::prove(url)
}

/// Makes a version of the application from a bundle.
fn upload(told: &Values, platform: Platform, delivered: &Delivered) -> Result<String> {
    let bucket = told.get("Bucket").context("the stack of the application does not name its bucket")?;
    let application = told.get("Application").context("the stack does not name its application")?;
    let file = bundle::make(platform, delivered)?;
    let date = Command::new("date").args(["-u", "+%Y%m%d-%H%M%S"]).output().context("date does not run")?;
    let label = format!("{}-{}", String::from_utf8_lossy(&date.stdout).trim(), delivered.tag);
    let key = format!("{label}.zip");
    let to = format!("s3://{bucket}/{key}");
    aws::text(["s3", "cp", "--no-progress", &file.to_string_lossy(), &to])?;
    let _ = fs::remove_file(&file).and_then(|()| fs::remove_dir_all(file.with_extension("")));
    let source = format!("S3Bucket={bucket},S3Key={key}");
    let call = ["elasticbeanstalk", "create-application-version", "--application-name", application];
    let version = ["--version-label", &label, "--source-bundle", &source];
    aws::text(call.into_iter().chain(version).chain(["--query", "ApplicationVersion.VersionLabel"]))?;
    say(format!("version {label} is at {to}"));
    Ok(label)
}

/// Back to the version before; once more, and it is forward again.
pub(crate) fn roll_back(system: &System) -> Result<()> {
    let stack = system.stack(TEMPLATE);
    let parameters = stack.parameters()?;
    let of = |name: &str| parameters.get(name).filter(|value| !value.is_empty()).cloned();
    let (Some(version), Some(previous)) = (of("Version"), of("PreviousVersion")) else {
        bail!("there is nothing to go back to")
    };
    say(format!("back to version {previous}"));
    let given = [("Version".to_owned(), previous), ("PreviousVersion".to_owned(), version)].into();
    run(system, &stack, &given, &mut Values::new())
}

/// What Beanstalk says of an environment, each event once.
struct Events {
    environment: String,
    seen: BTreeSet<Vec<String>>,
}

impl Events {
    /// Those from now on.
    fn of(environment: &str) -> Self {
        let mut it = Self { environment: environment.to_owned(), seen: BTreeSet::new() };
        it.seen = it.newest(50).unwrap_or_default().into_iter().collect();
        it
    }

    /// Oldest first.
    fn newest(&self, count: u32) -> Result<Vec<Vec<String>>> {
        let count = count.to_string();
        let call = ["elasticbeanstalk", "describe-events", "--environment-name", &self.environment];
        let query =
            ["--query", "Events[].[EventDate,Severity,Message]", "--no-paginate", "--max-records", &count];
        let mut rows = whole(aws::rows(call.into_iter().chain(query))?);
        rows.reverse();
        Ok(rows)
    }

    fn tell_new(&mut self, step: &Step) {
        // Before the environment is there nobody speaks of it.
        for event in self.newest(20).unwrap_or_default() {
            if self.seen.insert(event.clone()) {
                let message = event.get(2).map_or("", String::as_str);
                step.is_doing(message);
                say(format!("  {message}"));
            }
        }
    }
}

/// Messages have lines of their own: what does not begin with a date belongs to the row before.
fn whole(rows: Vec<Vec<String>>) -> Vec<Vec<String>> {
    let mut events: Vec<Vec<String>> = Vec::new();
    for row in rows {
        match events.last_mut().and_then(|event| event.last_mut()) {
            Some(message) if !row.first().is_some_and(|date| date.starts_with("20")) => {
                message.push(' ');
                message.push_str(&row.join(" "));
            }
            _ => events.push(row),
        }
    }
    events
}

/// Waits until the health is good. Grey, `No Data` or `Severe` is what it looks like while instances change.
fn wait_for_health(environment: &str, events: &mut Events, step: &Step) -> Result<()> {
    let since = elapsed();
    let causes = aws::wait_for(|| {
        events.tell_new(step);
        let (color, status, causes) = health(environment)?;
        step.is_doing(&format!("its health is {color}, {status}"));
        if color == "Green" {
            return Ok(Some(None));
        }
        let waited = elapsed().saturating_sub(since).as_secs();
        Ok((waited > HEALTHY_WITHIN).then_some(Some(format!("{color}, {status}: {causes}"))))
    })?;
    match causes {
        None => Ok(()),
        Some(causes) => bail!(
            "the environment {environment} is not well after {HEALTHY_WITHIN} s: {causes}\n\
             cargo xtask deploy beanstalk --logs shows what its containers say, --rollback goes back"
        ),
    }
}

fn health(environment: &str) -> Result<(String, String, String)> {
    let attributes = ["--attribute-names", "Color", "HealthStatus", "Causes"];
    let call = ["elasticbeanstalk", "describe-environment-health", "--environment-name", environment];
    let query = ["--query", "[[Color,HealthStatus],Causes]"];
    let mut rows = aws::rows(call.into_iter().chain(attributes).chain(query))?.into_iter();
    let [color, status] = rows.next().and_then(|row| row.try_into().ok()).unwrap_or_default();
    Ok((color, status, rows.flatten().collect::<Vec<_>>().join("; ")))
}

/// Shows the stack, the environment with its health and what was said of it last, its instances, the address.
pub(crate) fn status(system: &System) -> Result<()> {
    for template in [data::TEMPLATE, "ecr.yaml", TEMPLATE] {
        let stack = system.stack(template);
        if let Some(status) = stack.status()? {
            println!("{:24} {status}", stack.name);
        }
    }
    let outputs = system.stack(TEMPLATE).outputs()?;
    let Some(url) = outputs.get("Url") else {
        bail!("{} has no environment; cargo xtask deploy beanstalk makes it", system.name)
    };
    let query = "Environments[0].[Status,Health,VersionLabel,PlatformArn]";
    let call = ["elasticbeanstalk", "describe-environments", "--environment-names", &system.name];
    for row in aws::rows(call.into_iter().chain(["--query", query]))? {
        println!("\n{}", row.join("  "));
    }
    let (color, status, causes) = health(&system.name)?;
    println!("health: {color}, {status} {causes}");
    println!("\nevents:");
    for event in Events::of(&system.name).newest(10)? {
        println!("  {}", event.join("  "));
    }
    println!("\n{url}");
    Ok(())
}

/// Shows the last 100 lines of each log, or fetches all of them as archives, one for each instance.
pub(crate) fn logs(system: &System, all: bool) -> Result<()> {
    let kind = if all { "bundle" } else { "tail" };
    let environment = ["--environment-name", system.name.as_str(), "--info-type", kind];
    let call = ["elasticbeanstalk", "retrieve-environment-info"];
    let query = ["--query", "EnvironmentInfo[].[SampleTimestamp,Ec2InstanceId,Message]"];
    let samples = || aws::rows(call.into_iter().chain(environment).chain(query));
    let earlier = samples()?;
    aws::text(["elasticbeanstalk", "request-environment-info"].into_iter().chain(environment))?;
    let step = Step::begin("logs");
    step.is_doing("the instances put them together");
    // Those of earlier requests are still there. Each instance answers by itself: done when nothing more comes.
    let mut last = 0;
    let rows = aws::wait_for(|| {
        let mut rows = samples()?;
        rows.retain(|row| !earlier.contains(row));
        let done = !rows.is_empty() && rows.len() == last;
        last = rows.len();
        Ok(done.then_some(rows))
    })?;
    drop(step);
    for row in rows {
        let [_, instance, url] =
            row.try_into().map_err(|_| anyhow::anyhow!("AWS does not say where the logs are"))?;
        let file = project::root().join(format!("target/{}-{instance}-logs.zip", system.name));
        if all {
            fetch(&url, &file)?;
            say(format!("the logs of {instance} are in {}", file.display()));
        } else {
            println!("\n--- {instance} ---");
            let status = Command::new("curl").args(["--silent", "--show-error", "--fail", &url]).status();
            if !status.context("curl does not run")?.success() {
                bail!("the logs of {instance} could not be fetched");
            }
        }
    }
    Ok(())
}

fn fetch(url: &str, file: &Path) -> Result<()> {
    File::create(file).with_context(|| format!("write {}", file.display()))?;
    // The address is a key to them for some minutes: not for the job's log, whose text says only the name.
    Job::new("fetch logs")
        .run(Command::new("curl").args(["--silent", "--show-error", "--fail", "--output"]).arg(file).arg(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_several_lines_is_one_event() {
        let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        let rows = vec![row(&["2026-11-21T10:00:00", "ERROR", "Command failed."]), row(&["Output: no"])];
        assert_eq!(whole(rows), [row(&["2026-11-21T10:00:00", "ERROR", "Command failed. Output: no"])]);
    }

    #[test]
    fn the_newest_platform_is_not_the_last_in_the_alphabet() {
        assert!(numbers("4.10.2") > numbers("4.9.1"));
        assert!(numbers("5.0.0") > numbers("4.10.2"));
    }
}
