//! `cargo xtask db … --deployed`: the database of a system on AWS.
//!
//! It is in a network that is closed to the outside. Everything runs inside, in a Fargate task that runs once; backups
//! are RDS's own.

mod snapshot;
mod task;

use std::cell::OnceCell;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser};
use xtask::{
    database::{
        action::{self, Action, Database, Name},
        script::Script,
    },
    images::{Names, Part},
    progress::say,
};

use crate::{
    aws, beanstalk,
    cloudformation::{Values, values},
    connect::check_plugin,
    data,
    processor::Processor,
    services::template,
    system::{System, SystemName},
};

use task::Tasks;

const OPERATIONS: &str = "operations.yaml";

/// Manage the database of a system on AWS
///
/// Everything runs inside the system's network, in a Fargate task that runs once: nothing is opened to
/// the outside, and nobody's address is added to a security group. deploy/docs/database.md has more.
#[derive(Debug, Parser)]
#[command(mut_arg("system", |argument| argument.global(true)))]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action<(), Backup>,
    /// Use the database of a system on AWS
    #[arg(long, global = true)]
    deployed: bool,
    #[command(flatten)]
    system: SystemName,
}

#[derive(Args, Debug)]
struct Backup {
    /// Time to restore (2026-05-01T12:00:00Z), or name of a snapshot
    #[arg(long, value_name = "TIME|latest|SNAPSHOT")]
    to: String,
}

/// Runs an action.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let system = System::open(&arguments.system)?;
    let outputs = system.outputs(&system.stack(data::TEMPLATE))?;
    for name in ["DatabaseName", "DatabaseHost", "DatabasePort"] {
        if !outputs.contains_key(name) {
            bail!("{} has no database on AWS yet; run cargo xtask deploy fargate|beanstalk", system.name);
        }
    }
    action::run(&Deployed { system, outputs, tasks: OnceCell::new() }, &arguments.action)
}

struct Deployed {
    system: System,
    /// Outputs of the data stack.
    outputs: Values,
    tasks: OnceCell<Tasks>,
}

impl Deployed {
    /// Returns the tasks, whose stack is created or updated before the first one runs.
    fn tasks(&self) -> Result<&Tasks> {
        if let Some(tasks) = self.tasks.get() {
            return Ok(tasks);
        }
        let tasks = prepare(&self.system, &self.outputs)?;
        Ok(self.tasks.get_or_init(|| tasks))
    }
}

impl Database for Deployed {
    type To = ();
    type From = Backup;
    const RESTORING: &str = "This creates another instance, at the same price, beside";

    fn name(&self) -> Name<'_> {
        let [database, host, port] =
            ["DatabaseName", "DatabaseHost", "DatabasePort"].map(|name| self.outputs[name].as_str());
        Name { database, host, port }
    }

    fn psql(&self, script: &Script) -> Result<()> {
        self.tasks()?.psql(script)
    }

    fn server(&self, command: &str) -> Result<()> {
        self.tasks()?.server(command, &[])
    }

    fn connect(&self) -> Result<()> {
        check_plugin()?;
        self.tasks()?.terminal()
    }

    fn back_up(&self, (): &()) -> Result<()> {
        snapshot::create(&self.system, self.name().host)
    }

    /// Restores into a new instance, checks that the application could connect to it, and explains how to switch.
    fn restore(&self, Backup { to }: &Backup) -> Result<()> {
        let host = self.name().host;
        let new = snapshot::restore(&self.system, host, to)?;
        let tasks = self.tasks()?;
        say("checking that the application can connect");
        tasks.server("check-database", &[("PGHOST", &new)]).with_context(|| {
            format!(
                "{} was created and costs money, but cannot be connected to; nothing uses it",
                snapshot::instance(&new)
            )
        })?;
        let mut targets = Vec::new();
        for (target, template) in [("fargate", template(Part::Server)), ("beanstalk", beanstalk::TEMPLATE)] {
            targets.extend(self.system.stack(template).status()?.map(|_| target));
        }
        say(how_to_switch(&self.system.name, &targets, host, &new));
        Ok(())
    }
}

/// Creates or updates the stack of the tasks.
fn prepare(system: &System, outputs: &Values) -> Result<Tasks> {
    let server = system.stack(template(Part::Server)).parameters()?;
    let mut given = values(&[("System", &system.name)]);
    for (parameter, part) in [("ServerImage", Part::Server), ("DebugImage", Part::Debug)] {
        given.insert(parameter.to_owned(), image(system, part, &server)?);
    }
    let mut known = outputs.clone();
    // The same network as the application's own instances or tasks.
    let instance = system.stack(beanstalk::TEMPLATE).parameters()?.remove(beanstalk::INSTANCE_TYPE);
    known.extend(instance.map(|kind| Processor::of_instance(&kind).parameter_of_tasks()));
    known.extend(
        ["Architecture", "AssignPublicIp"]
            .iter()
            .filter_map(|name| server.get(*name).map(|value| ((*name).to_owned(), value.clone()))),
    );
    let stack = system.stack(OPERATIONS);
    system.ensure(&stack, &given, &mut known)?;
    Tasks::new(stack.outputs()?)
}

/// Returns the image that `IMAGE_PREFIX` names, or the one that runs on Fargate, or the one that was last pushed to the
/// system's own repository.
fn image(system: &System, part: Part, server: &Values) -> Result<String> {
    if Names::prefix().is_some() {
        return Ok(Names::from_environment().image(part));
    }
    let parameter = if part == Part::Debug { "DebugImage" } else { "Image" };
    if let Some(image) = server.get(parameter).filter(|image| !image.is_empty()) {
        return Ok(image.clone());
    }
    let prefix = system.stack("ecr.yaml").outputs()?.remove("ImagePrefix");
    prefix.map(|prefix| newest(&prefix, part)).transpose()?.flatten().with_context(|| {
        format!(
            "no {part} image: run cargo xtask images build {part} && cargo xtask images push {part}. If it is in \
             another registry, set IMAGE_PREFIX and IMAGE_TAG"
        )
    })
}

/// Returns the newest image by its digest, so that the next push does not change it.
fn newest(prefix: &str, part: Part) -> Result<Option<String>> {
    let repository = format!("{prefix}{part}");
    let Some((_, name)) = repository.split_once('/') else { return Ok(None) };
    // Only tagged images: a push also leaves untagged ones, such as the members of an image list, and attestations.
    let call = ["ecr", "describe-images", "--repository-name", name, "--filter", "tagStatus=TAGGED"];
    let digest: Option<String> = aws::query("sort_by(imageDetails, &imagePushedAt)[-1].imageDigest", &call)?;
    Ok(digest.map(|digest| format!("{repository}@{digest}")))
}

fn how_to_switch(system: &str, targets: &[&str], old: &str, new: &str) -> String {
    let command = |host: &str| {
        let all = targets.iter().map(|target| {
            format!("  cargo xtask deploy {target} --system {system} --set DatabaseHost={host}\n")
        });
        all.collect::<String>()
    };
    format!(
        "{new} is ready, but not used yet: submissions still go only to the old database. To switch:\n{}\
         and back:\n{}To keep the running images, add --pushed with IMAGE_PREFIX and IMAGE_TAG. To delete the one \
         that is no longer needed:\n  aws rds modify-db-instance --no-deletion-protection --apply-immediately \
         --db-instance-identifier NAME\n  aws rds delete-db-instance --final-db-snapshot-identifier NAME-last \
         --db-instance-identifier NAME\nwhere NAME is {} (old; it belongs to the stack {system}-data) or {} (new).",
        command(new),
        command(old),
        snapshot::instance(old),
        snapshot::instance(new)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_accepted_after_the_action() {
        let read = |line: &str| Arguments::try_parse_from(line.split(' '));
        let restore = read("db restore --deployed --system second --to latest").unwrap();
        assert_eq!(restore.system.system, "second");
        assert!(matches!(restore.action, Action::Restore { from, .. } if from.to == "latest"));
        assert_eq!(read("db backup --deployed").unwrap().system.system, "fibstack");
        for wrong in [
            "db --deployed",
            "db restore --deployed",
            "db restore --deployed f",
            "db create --yes --deployed",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_restore_explains_how_to_switch_and_how_to_go_back() {
        let (old, new) = ("old.abc.eu-central-1.rds.amazonaws.com", "new.abc.eu-central-1.rds.amazonaws.com");
        let text = how_to_switch("second", &["fargate"], old, new);
        for host in [old, new] {
            let command =
                format!("\n  cargo xtask deploy fargate --system second --set DatabaseHost={host}\n");
            assert!(text.contains(&command), "{text}");
        }
        assert!(!text.contains("beanstalk") && text.contains("new (new)"), "{text}");
    }
}
