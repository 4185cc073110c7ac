//! The database of a system on AWS. Whatever is done to it runs as a task in its network; its backups are RDS' own.

mod snapshot;
mod task;

use anyhow::{Context, Result, bail};

use super::{Action, Name, Origin, script::Script};
use crate::{
    aws,
    cloudformation::Values,
    confirm::confirm,
    connect::check_plugin,
    deploy::System,
    images::{Names, Part},
    progress::say,
};

use task::Tasks;

const DATA: &str = "data.yaml";
const OPERATIONS: &str = "operations.yaml";
const SERVER: &str = "fargate/server.yaml";

pub(super) fn run(system: &str, action: &Action, yes: bool) -> Result<()> {
    let system = System::open(system)?;
    let data = system.told_by(&system.stack(DATA))?;
    let get = |name: &str| {
        data.get(name).map(String::as_str).with_context(|| {
            format!(
                "{} has no database on AWS yet; cargo xtask deploy fargate|beanstalk makes it",
                system.name
            )
        })
    };
    let database = get("DatabaseName")?;
    let name = Name { database, host: get("DatabaseHost")?, port: get("DatabasePort")? };
    say(&name);
    let ask = |what: &str| confirm(&format!("{what} {name}."), database, yes);
    match action {
        Action::Backup(_) => return snapshot::make(&system, name.host),
        Action::Restore(Origin::Aws(to)) => {
            ask("This makes another instance, which costs as much, beside")?;
            return restore(&system, &data, name.host, to);
        }
        Action::Restore(Origin::File(_)) => {
            bail!("a deployed database is restored with --to, from what RDS keeps")
        }
        Action::Drop | Action::Reset => ask("All data will be gone, and connections end:")?,
        Action::KillConnections => ask("Whoever uses it now will lose the connection:")?,
        Action::Connect => check_plugin()?,
        Action::Create | Action::Migrate | Action::Seed | Action::Check => {}
    }
    let tasks = prepare(&system, &data)?;
    match action {
        Action::Create => tasks.psql(&Script::create(database)),
        Action::Migrate => tasks.server("migrate", &[]),
        Action::Seed => tasks.psql(&Script::seed(database)),
        Action::Drop => tasks.psql(&Script::drop(database)),
        Action::Reset => {
            tasks.psql(&Script::recreate(database))?;
            tasks.server("migrate", &[])
        }
        Action::Connect => tasks.terminal(),
        Action::Check => tasks.server("check-database", &[]),
        Action::KillConnections => tasks.psql(&Script::kill_connections(database)),
        Action::Backup(_) | Action::Restore(_) => unreachable!("it is done"),
    }
}

/// Brings the tasks' stack about.
fn prepare(system: &System, data: &Values) -> Result<Tasks> {
    let server = system.stack(SERVER).parameters()?;
    let mut given = Values::from([("System".to_owned(), system.name.clone())]);
    for (parameter, part) in [("ServerImage", Part::Server), ("DebugImage", Part::Debug)] {
        given.insert(parameter.to_owned(), image(system, part, &server)?);
    }
    let mut known = data.clone();
    // How the application's own tasks run.
    known.extend(
        ["Architecture", "AssignPublicIp"]
            .iter()
            .filter_map(|name| server.get(*name).map(|value| ((*name).to_owned(), value.clone()))),
    );
    let stack = system.stack(OPERATIONS);
    system.bring_about(&stack, &given, &mut known)?;
    Tasks::of(stack.outputs()?)
}

/// The image that `IMAGE_PREFIX` names, else the one that runs on Fargate, else the one that was pushed last to the
/// system's own repository.
fn image(system: &System, part: Part, server: &Values) -> Result<String> {
    if Names::prefix().is_some() {
        return Ok(Names::from_environment().image(part));
    }
    let parameter = if part == Part::Debug { "DebugImage" } else { "Image" };
    if let Some(image) = server.get(parameter).filter(|image| !image.is_empty()) {
        return Ok(image.clone());
    }
    let pushed =
        system.stack("ecr.yaml").outputs()?.remove("ImagePrefix").map(|prefix| newest(&prefix, part));
    pushed.transpose()?.flatten().with_context(|| {
        format!(
            "which {part} image? Push it: cargo xtask images build {part} && cargo xtask images push {part}. Or, where \
             it is in another registry, set IMAGE_PREFIX and IMAGE_TAG"
        )
    })
}

/// By its digest, for the next push to change nothing.
fn newest(prefix: &str, part: Part) -> Result<Option<String>> {
    let repository = format!("{prefix}{part}");
    let Some((_, name)) = repository.split_once('/') else { return Ok(None) };
    // Not what else a push leaves: the parts of a list, attestations.
    let tagged = ["--filter", "tagStatus=TAGGED"];
    let query = ["--query", "sort_by(imageDetails, &imagePushedAt)[-1].imageDigest"];
    let call = ["ecr", "describe-images", "--repository-name", name];
    let digest = aws::word(call.into_iter().chain(tagged).chain(query))?;
    Ok(digest.map(|digest| format!("{repository}@{digest}")))
}

/// Makes an instance as it was, looks whether the application would get into it, and says how to switch.
fn restore(system: &System, data: &Values, host: &str, to: &str) -> Result<()> {
    let new = snapshot::restore(system, host, to)?;
    let tasks = prepare(system, data)?;
    say("checking that the application would get in");
    tasks.server("check-database", &[("PGHOST", &new)]).with_context(|| {
        format!("{} is there, and costs, but nobody would get in; nothing uses it", snapshot::instance(&new))
    })?;
    let targets = [("fargate", SERVER), ("beanstalk", "beanstalk.yaml")];
    let mut used = Vec::new();
    for (target, template) in targets {
        used.extend(system.stack(template).status()?.map(|_| target));
    }
    say(switching(&system.name, &used, host, &new));
    Ok(())
}

fn switching(system: &str, targets: &[&str], old: &str, new: &str) -> String {
    let command = |host: &str| {
        let all = targets.iter().map(|target| {
            format!("  cargo xtask deploy {target} --system {system} --set DatabaseHost={host}\n")
        });
        all.collect::<String>()
    };
    format!(
        "{new} is ready, and nobody uses it yet. What is submitted meanwhile goes into the old one alone. To switch:\n{}\
         and back:\n{}IMAGE_PREFIX and IMAGE_TAG with --pushed keep to the images that run. Once one of the two is not \
         needed any more:\n  aws rds modify-db-instance --no-deletion-protection --apply-immediately \
         --db-instance-identifier NAME\n  aws rds delete-db-instance --final-db-snapshot-identifier NAME-last \
         --db-instance-identifier NAME\nwhere NAME is {} (old; made by the stack {system}-data, which wants to keep it) \
         or {} (new).",
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
    fn who_restores_is_told_how_to_switch_and_how_to_go_back() {
        let (old, new) = ("old.abc.eu-central-1.rds.amazonaws.com", "new.abc.eu-central-1.rds.amazonaws.com");
        let text = switching("second", &["fargate"], old, new);
        for host in [old, new] {
            let command =
                format!("\n  cargo xtask deploy fargate --system second --set DatabaseHost={host}\n");
            assert!(text.contains(&command), "{text}");
        }
        assert!(!text.contains("beanstalk") && text.contains("new (new)"), "{text}");
    }
}
