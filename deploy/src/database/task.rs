//! Fargate tasks that run once, and their output.

use std::slice;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use xtask::{
    database::script::{PSQL, Script},
    progress::{Step, say},
};

use crate::{
    aws::{self, Refused},
    cloudformation::Values,
    services::{End, ends},
};

/// Time after which a terminal's task ends by itself, in seconds.
const TERMINAL_S: &str = "3600";
/// Time limit for a log to appear, which may happen a moment after the task ended.
const LOG_ATTEMPTS: u32 = 5;

/// The program of a task.
#[derive(Clone, Copy)]
enum Program {
    Psql,
    Server,
}

impl Program {
    fn container(self) -> &'static str {
        match self {
            Self::Psql => "psql",
            Self::Server => "server",
        }
    }
}

/// The task definitions and their network, from the outputs of their stack.
pub(super) struct Tasks {
    cluster: String,
    log_group: String,
    psql: String,
    server: String,
    network: String,
}

impl Tasks {
    pub(super) fn new(mut outputs: Values) -> Result<Self> {
        let mut take =
            |name: &str| outputs.remove(name).with_context(|| format!("the stack has no output {name}"));
        let (subnets, group, public) =
            (take("SubnetIds")?, take("DatabaseClientGroup")?, take("AssignPublicIp")?);
        Ok(Self {
            cluster: take("OperationsCluster")?,
            log_group: take("OperationsLogGroup")?,
            psql: take("PsqlTask")?,
            server: take("ServerTask")?,
            network: format!(
                "awsvpcConfiguration={{subnets=[{subnets}],securityGroups=[{group}],assignPublicIp={public}}}"
            ),
        })
    }

    /// Runs a script to its end.
    pub(super) fn psql(&self, script: &Script) -> Result<()> {
        // The debug image's shell passes the script to psql; its words are not part of the command.
        let shell = ["bash", "-c", r#"psql "$@" <<< "$SCRIPT""#, "psql"];
        let command: Vec<_> = shell.into_iter().chain(PSQL).collect();
        let environment = [("PGDATABASE", script.database.as_str()), ("SCRIPT", &script.statements)];
        self.run(Program::Psql, &command, &environment)
    }

    /// Runs a command of the server to its end.
    pub(super) fn server(&self, command: &str, environment: &[(&str, &str)]) -> Result<()> {
        self.run(Program::Server, &[command], environment)
    }

    fn run(&self, program: Program, command: &[&str], environment: &[(&str, &str)]) -> Result<()> {
        let mut task = self.start(program, command, environment, false)?;
        let end = task.wait_for_end()?;
        self.show_log(program, task.id())?;
        match end.exit {
            Some(0) => Ok(()),
            Some(code) => bail!("{}: {}", program.container(), meaning(program, code)),
            None => bail!("{} did not run: {end}", program.container()),
        }
    }

    /// Opens psql at this terminal.
    pub(super) fn terminal(&self) -> Result<()> {
        let task = self.start(Program::Psql, &["sleep", TERMINAL_S], &[], true)?;
        task.wait_for_agent()?;
        say("this session ends after an hour at the latest");
        let call = ["ecs", "execute-command", "--cluster", &self.cluster, "--task", task.id()];
        let psql = ["--container", "psql", "--interactive", "--command", "psql"];
        let status = aws::aws().args(call).args(psql).status().context("failed to run aws")?;
        if status.success() {
            Ok(())
        } else {
            bail!("the session failed ({status}); see above for the reason")
        }
    }

    fn start(
        &self,
        program: Program,
        command: &[&str],
        environment: &[(&str, &str)],
        terminal: bool,
    ) -> Result<Task<'_>> {
        let definition = match program {
            Program::Psql => &self.psql,
            Program::Server => &self.server,
        };
        let overrides = overrides(program.container(), command, environment).to_string();
        let mut call = vec!["ecs", "run-task", "--cluster", &self.cluster, "--task-definition", definition];
        call.extend(["--launch-type", "FARGATE", "--network-configuration", &self.network]);
        call.extend(["--overrides", &overrides, "--started-by", "cargo-xtask-db"]);
        call.extend(terminal.then_some("--enable-execute-command"));
        let (arn, failure): (Option<String>, Option<String>) =
            aws::query("[tasks[0].taskArn,failures[0].reason]", &call)?;
        let Some(arn) = arn else {
            bail!("no task was started: {}", failure.as_deref().unwrap_or("AWS gave no reason"))
        };
        say(format!("starting a task with {}, which takes about half a minute", program.container()));
        Ok(Task { tasks: self, program, arn, ended: false })
    }

    fn show_log(&self, program: Program, task: &str) -> Result<()> {
        let stream = format!("ecs/{0}/{task}", program.container());
        let mut call = vec!["logs", "get-log-events", "--log-group-name", &self.log_group];
        call.extend(["--log-stream-name", &stream, "--start-from-head"]);
        let mut attempts = 0;
        let lines = aws::wait_for(|| {
            attempts += 1;
            match aws::query::<Vec<String>>("events[].message", &call) {
                Ok(lines) if !lines.is_empty() || attempts == LOG_ATTEMPTS => Ok(Some(lines)),
                Ok(_) => Ok(None),
                Err(error) if !Refused::is(&error, "ResourceNotFoundException") => Err(error),
                // The program wrote no output.
                Err(_) if attempts == LOG_ATTEMPTS => Ok(Some(Vec::new())),
                Err(_) => Ok(None),
            }
        })?;
        lines.iter().for_each(|line| println!("  {line}"));
        Ok(())
    }
}

/// Returns an override of a container's usual command.
fn overrides(container: &str, command: &[&str], environment: &[(&str, &str)]) -> Value {
    let variables = environment.iter().map(|(name, value)| json!({ "name": name, "value": value }));
    let variables: Value = variables.collect();
    json!({ "containerOverrides": [{ "name": container, "command": command, "environment": variables }] })
}

/// Explains an exit code.
fn meaning(program: Program, code: i32) -> String {
    match (program, code) {
        (Program::Psql, 2) => {
            "could not connect; `cargo xtask db check --deployed` finds the reason".to_owned()
        }
        (Program::Psql, 3) => {
            "a statement failed. If the schema is missing, run `cargo xtask db migrate --deployed`".to_owned()
        }
        (Program::Server, 1) => "failed; see above for the reason".to_owned(),
        (Program::Server, 2) => "its settings are wrong; see above".to_owned(),
        (_, 137) => "it was killed: out of memory, or stopped".to_owned(),
        (_, code) => format!("exit code {code}"),
    }
}

/// A task, which is stopped when this is dropped before it ended.
struct Task<'a> {
    tasks: &'a Tasks,
    program: Program,
    arn: String,
    ended: bool,
}

impl Task<'_> {
    /// The last part of its ARN.
    fn id(&self) -> &str {
        self.arn.rsplit('/').next().unwrap_or_default()
    }

    fn describe(&self) -> [&str; 6] {
        ["ecs", "describe-tasks", "--cluster", &self.tasks.cluster, "--tasks", &self.arn]
    }

    fn end(&self) -> Result<End> {
        let ends = ends(self.program.container(), &self.tasks.cluster, slice::from_ref(&self.arn))?;
        ends.into_iter().next().context("the task no longer exists")
    }

    fn wait_for_end(&mut self) -> Result<End> {
        let step = Step::begin("task");
        aws::wait_for(|| {
            let status = self.status()?;
            step.is_doing(&status.to_lowercase());
            Ok((status == "STOPPED").then_some(()))
        })?;
        self.ended = true;
        self.end()
    }

    fn wait_for_agent(&self) -> Result<()> {
        let step = Step::begin("task");
        let agent = "tasks[0].containers[0].managedAgents[?name=='ExecuteCommandAgent']|[0].lastStatus";
        aws::wait_for(|| {
            let status = self.status()?;
            step.is_doing(&status.to_lowercase());
            if status == "STOPPED" {
                bail!("the session could not be opened: {}", self.end()?);
            }
            let agent: Option<String> = aws::query(agent, &self.describe())?;
            Ok((status == "RUNNING" && agent.as_deref() == Some("RUNNING")).then_some(()))
        })
    }

    fn status(&self) -> Result<String> {
        let status: Option<String> = aws::query("tasks[0].lastStatus", &self.describe())?;
        status.context("the task no longer exists")
    }
}

impl Drop for Task<'_> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        match aws::call(["ecs", "stop-task", "--cluster", &self.tasks.cluster, "--task", &self.arn]) {
            Ok(_) => say("stopped the task"),
            Err(error) => {
                say(format!("failed to stop the task: {error}. It ends after an hour at the latest"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_code_is_explained() {
        assert!(meaning(Program::Psql, 2).contains("db check --deployed"));
        assert!(meaning(Program::Server, 2).contains("settings"));
        assert_eq!(meaning(Program::Psql, 1), "exit code 1");
    }
}
