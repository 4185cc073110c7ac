//! `cargo xtask connect`: a shell beside a part that runs on Fargate.

use std::os::unix::process::CommandExt;

use anyhow::{Context, Result, bail};
use throwaway::process::find_program;

use crate::{
    aws,
    deploy::{System, services},
    images::Part,
    progress::say,
};

const PLUGIN: &str = "\
this needs the session-manager plugin of the AWS CLI, which is not installed. Debian, Ubuntu:
  curl -O https://s3.amazonaws.com/session-manager-downloads/plugin/latest/ubuntu_64bit/session-manager-plugin.deb
  sudo dpkg -i session-manager-plugin.deb
macOS: brew install --cask session-manager-plugin
others: search for \"Install the Session Manager plugin for the AWS CLI\"";

/// Fails if `aws ecs execute-command` would, for want of its plugin.
pub(crate) fn check_plugin() -> Result<()> {
    if find_program("session-manager-plugin", &[]).is_none() {
        bail!(PLUGIN);
    }
    Ok(())
}

/// Becomes a shell in the debug sidecar of a task: any of the part's, unless one is named.
pub(crate) fn connect(system: &str, part: Part, task: Option<&str>) -> Result<()> {
    check_plugin()?;
    let system = System::open(system)?;
    let services = services::find(&system, &[part])?;
    let service = services.first().context("there is no such service")?;
    let running = service.tasks("RUNNING")?;
    let task = match task {
        Some(task) => task.to_owned(),
        None => running.first().with_context(|| format!("no task of {part} runs"))?.clone(),
    };
    let query = "tasks[0].[enableExecuteCommand,join(' ',containers[].name)]";
    let call = ["ecs", "describe-tasks", "--cluster", &service.cluster, "--tasks", &task, "--query", query];
    let rows = aws::rows(call)?;
    let row =
        rows.first().with_context(|| format!("there is no task {task}; running: {}", running.join(", ")))?;
    let has_sidecar = row.get(1).is_some_and(|names| names.split(' ').any(|name| name == "debug"));
    if !has_sidecar || row.first().is_none_or(|enabled| enabled != "True") {
        bail!(
            "task {task} has no shell in it: cargo xtask deploy fargate --debug puts one beside each part, and allows \
             to open it"
        );
    }
    say(format!("task {task}; the program's files are under /proc/PID/root, see ps -e"));
    let call =
        ["ecs", "execute-command", "--cluster", &service.cluster, "--task", &task, "--container", "debug"];
    Err(aws::aws().args(call).args(["--interactive", "--command", "bash"]).exec()).context("aws does not run")
}
