//! `cargo xtask connect`: a shell next to a service that runs on Fargate.

use std::os::unix::process::CommandExt;

use anyhow::{Context, Result, bail};
use clap::Args;
use throwaway::process::find_program;
use xtask::{images::Part, progress::say};

use crate::{
    aws, services,
    system::{System, SystemName},
};

const PLUGIN: &str = "\
this needs the Session Manager plugin of the AWS CLI, which is not installed. Debian, Ubuntu:
  curl -O https://s3.amazonaws.com/session-manager-downloads/plugin/latest/ubuntu_64bit/session-manager-plugin.deb
  sudo dpkg -i session-manager-plugin.deb
macOS: brew install --cask session-manager-plugin
others: search for \"Install the Session Manager plugin for the AWS CLI\"";

/// Open a shell next to a service on Fargate
///
/// It uses ECS Exec and the debug container that `cargo xtask deploy fargate --debug` adds to each
/// task, because the images themselves contain no shell.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Service to attach to
    #[arg(value_parser = services::part())]
    part: Part,
    /// Task id [default: any task of the service]
    task: Option<String>,
    #[command(flatten)]
    system: SystemName,
}

/// Explains how to inspect the program from its debug container. On Fargate the two share the network, but neither
/// processes nor files.
fn hint(part: Part) -> &'static str {
    match part {
        Part::Server => "the server is at 127.0.0.1: curl 127.0.0.1:5000/health/ready",
        Part::Nginx => {
            "nginx is at 127.0.0.1:8080, and the server, as nginx sees it, at client:3000 and api:5000"
        }
        _ => "only the network is shared with the program; its log is in CloudWatch",
    }
}

/// Fails if the plugin that `aws ecs execute-command` needs is missing.
pub(crate) fn check_plugin() -> Result<()> {
    if find_program("session-manager-plugin", &[]).is_none() {
        bail!(PLUGIN);
    }
    Ok(())
}

/// Replaces this process by a shell in the debug container of a task.
pub(crate) fn run(Arguments { part, task, system }: &Arguments) -> Result<()> {
    check_plugin()?;
    let system = System::open(system)?;
    let services = services::find(&system, &[*part])?;
    let service = services.first().context("the service does not exist")?;
    let running = service.tasks("RUNNING")?;
    let task = match task {
        Some(task) => task,
        None => running.first().with_context(|| format!("no task of {part} is running"))?,
    };
    let (is_enabled, containers) = aws::query::<Option<(bool, Vec<String>)>>(
        "tasks[0].[enableExecuteCommand,containers[].name]",
        &["ecs", "describe-tasks", "--cluster", &service.cluster, "--tasks", task],
    )?
    .with_context(|| format!("task {task} does not exist; running tasks: {}", running.join(", ")))?;
    if !is_enabled || !containers.iter().any(|name| name == "debug") {
        bail!(
            "task {task} has no debug container: cargo xtask deploy fargate --debug adds one to each task and allows \
             access to it"
        );
    }
    say(format!("task {task}: {}", hint(*part)));
    let call =
        ["ecs", "execute-command", "--cluster", &service.cluster, "--task", task, "--container", "debug"];
    Err(aws::aws().args(call).args(["--interactive", "--command", "bash"]).exec())
        .context("failed to run aws")
}
