//! Tasks of Fargate that run once, and tell what they wrote.

use anyhow::{Context, Result, bail};

use super::super::script::{PSQL, Script};
use crate::{
    aws::{self, Refused},
    cloudformation::{Values, quoted},
    progress::{Step, say},
};

/// How long a terminal's task lives when nobody ends it, in seconds.
const TERMINAL_S: &str = "3600";
/// A log may appear a moment after the task ended.
const LOG_ATTEMPTS: u32 = 5;

/// What a task runs; the name of its container.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Program {
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

/// The stack that they are defined in, by its outputs.
pub(super) struct Tasks {
    cluster: String,
    log_group: String,
    psql: String,
    server: String,
    network: String,
}

impl Tasks {
    pub(super) fn of(mut outputs: Values) -> Result<Self> {
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
        // The debug image's shell hands the script on; its words are no part of the command.
        let shell = ["bash", "-c", r#"psql "$@" <<< "$SCRIPT""#, "psql"];
        let command: Vec<_> = shell.into_iter().chain(PSQL).collect();
        let environment = [("PGDATABASE", script.database.as_str()), ("SCRIPT", &script.statements)];
        self.run(Program::Psql, &command, &environment)
    }

    /// Runs a command of the server's to its end.
    pub(super) fn server(&self, command: &str, environment: &[(&str, &str)]) -> Result<()> {
        self.run(Program::Server, &[command], environment)
    }

    fn run(&self, program: Program, command: &[&str], environment: &[(&str, &str)]) -> Result<()> {
        let mut task = self.start(program, command, environment, false)?;
        let end = task.wait_for_end()?;
        self.tell_log(program, task.id())?;
        match end.exit_code.as_deref() {
            Some("0") => Ok(()),
            Some(code) => bail!("{}: {}", program.container(), meaning(program, code)),
            None => bail!("{} did not run: {}", program.container(), end.reason),
        }
    }

    /// Opens psql at this terminal.
    pub(super) fn terminal(&self) -> Result<()> {
        let task = self.start(Program::Psql, &["sleep", TERMINAL_S], &[], true)?;
        task.wait_for_agent()?;
        say("this ends in an hour at the latest");
        let call = ["ecs", "execute-command", "--cluster", &self.cluster, "--task", task.id()];
        let psql = ["--container", "psql", "--interactive", "--command", "psql"];
        let status = aws::aws().args(call).args(psql).status().context("aws does not run")?;
        if status.success() { Ok(()) } else { bail!("the session ended ({status}); the reason is above") }
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
        let overrides = overrides(program.container(), command, environment);
        let mut call = vec!["ecs", "run-task", "--cluster", &self.cluster, "--task-definition", definition];
        call.extend(["--launch-type", "FARGATE", "--network-configuration", &self.network]);
        call.extend(["--overrides", &overrides, "--started-by", "cargo-xtask-db"]);
        call.extend(["--query", "[tasks[0].taskArn, failures[0].reason]"]);
        call.extend(terminal.then_some("--enable-execute-command"));
        let row = aws::words(call)?;
        match row.first() {
            Some(arn) if arn.starts_with("arn:") => {
                say(format!(
                    "a task with {} is starting, which takes about half a minute",
                    program.container()
                ));
                Ok(Task { tasks: self, arn: arn.clone(), ended: false })
            }
            reason => bail!("no task was started: {}", reason.map_or("AWS gives no reason", String::as_str)),
        }
    }

    fn tell_log(&self, program: Program, task: &str) -> Result<()> {
        let stream = format!("ecs/{0}/{task}", program.container());
        let call =
            ["logs", "get-log-events", "--log-group-name", &self.log_group, "--log-stream-name", &stream];
        let call = call.into_iter().chain(["--start-from-head", "--query", "events[].[message]"]);
        let mut attempts = 0;
        let lines = aws::wait_for(|| {
            attempts += 1;
            match aws::text(call.clone()) {
                Ok(lines) if !lines.is_empty() || attempts == LOG_ATTEMPTS => Ok(Some(lines)),
                Ok(_) => Ok(None),
                Err(error) if !Refused::is(&error, "ResourceNotFoundException") => Err(error),
                // It never came that far.
                Err(_) if attempts == LOG_ATTEMPTS => Ok(Some(String::new())),
                Err(_) => Ok(None),
            }
        })?;
        lines.lines().for_each(|line| println!("  {line}"));
        Ok(())
    }
}

/// What a container runs instead of its usual command.
fn overrides(container: &str, command: &[&str], environment: &[(&str, &str)]) -> String {
    let command = command.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(",");
    let variable = |(name, value): &(&str, &str)| format!(r#"{{"name":"{name}","value":{}}}"#, quoted(value));
    let environment = environment.iter().map(variable).collect::<Vec<_>>().join(",");
    format!(
        r#"{{"containerOverrides":[{{"name":"{container}","command":[{command}],"environment":[{environment}]}}]}}"#
    )
}

/// What an exit code says.
fn meaning(program: Program, code: &str) -> String {
    match (program, code) {
        (Program::Psql, "2") => {
            "there is no way in; `cargo xtask db check --deployed` looks for the reason".to_owned()
        }
        (Program::Psql, "3") => {
            "a statement was refused. No schema yet? `cargo xtask db migrate --deployed`".to_owned()
        }
        (Program::Server, "1") => "the reason is above".to_owned(),
        (Program::Server, "2") => "its settings are wrong; which, is above".to_owned(),
        (_, "137") => "it was killed, for want of memory or because it was stopped".to_owned(),
        (_, code) => format!("it ended with {code}"),
    }
}

/// One that was started. It is stopped when this is dropped, unless it ended.
struct Task<'a> {
    tasks: &'a Tasks,
    arn: String,
    ended: bool,
}

struct End {
    exit_code: Option<String>,
    reason: String,
}

impl Task<'_> {
    /// The last part of its ARN.
    fn id(&self) -> &str {
        self.arn.rsplit('/').next().unwrap_or_default()
    }

    fn describe(&self, query: &str) -> Result<Vec<Vec<String>>> {
        let call = ["ecs", "describe-tasks", "--cluster", &self.tasks.cluster, "--tasks", &self.arn];
        aws::rows(call.into_iter().chain(["--query", query]))
    }

    fn wait_for_end(&mut self) -> Result<End> {
        let step = Step::begin("task");
        aws::wait_for(|| {
            let status = self.status()?;
            step.is_doing(&status.to_lowercase());
            Ok((status == "STOPPED").then_some(()))
        })?;
        self.ended = true;
        let query = "tasks[0].[[containers[0].exitCode],[containers[0].reason],[stoppedReason]]";
        let mut words = self.describe(query)?.into_iter().flatten();
        let exit_code = words.next().filter(|code| code != "None");
        Ok(End { exit_code, reason: words.filter(|word| word != "None").collect::<Vec<_>>().join("; ") })
    }

    fn wait_for_agent(&self) -> Result<()> {
        let step = Step::begin("task");
        let agent = "tasks[0].containers[0].managedAgents[?name=='ExecuteCommandAgent'].lastStatus";
        aws::wait_for(|| {
            let status = self.status()?;
            step.is_doing(&status.to_lowercase());
            if status == "STOPPED" {
                let why =
                    self.describe("tasks[0].[[containers[0].reason],[stoppedReason]]")?.concat().join("; ");
                bail!("the task ended before it could be reached: {why}");
            }
            Ok((status == "RUNNING" && self.describe(agent)?.concat() == ["RUNNING"]).then_some(()))
        })
    }

    fn status(&self) -> Result<String> {
        self.describe("tasks[0].[lastStatus]")?.concat().pop().context("the task is gone")
    }
}

impl Drop for Task<'_> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let call = ["ecs", "stop-task", "--cluster", &self.tasks.cluster, "--task", &self.arn];
        match aws::text(call.into_iter().chain(["--query", "task.desiredStatus"])) {
            Ok(_) => say("the task is stopped"),
            Err(error) => {
                say(format!("the task could not be stopped: {error}. It ends in an hour at the latest"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_runs_what_it_is_told_with_its_text_quoted() {
        assert_eq!(
            overrides("psql", &["bash", "-c", "a \"b\""], &[("SCRIPT", "select 1;\n")]),
            concat!(
                r#"{"containerOverrides":[{"name":"psql","command":["bash","-c","a \"b\""],"#,
                r#""environment":[{"name":"SCRIPT","value":"select 1;\u000a"}]}]}"#
            )
        );
    }

    #[test]
    fn tasks_run_in_the_databases_network() {
        let outputs = [
            ("SubnetIds", "subnet-1,subnet-2"),
            ("DatabaseClientGroup", "sg-1"),
            ("AssignPublicIp", "ENABLED"),
            ("OperationsCluster", "fibstack-operations"),
            ("OperationsLogGroup", "/fibstack/operations"),
            ("PsqlTask", "arn:psql"),
            ("ServerTask", "arn:server"),
        ];
        let outputs: Values =
            outputs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let tasks = Tasks::of(outputs).unwrap();
        assert_eq!(
            tasks.network,
            "awsvpcConfiguration={subnets=[subnet-1,subnet-2],securityGroups=[sg-1],assignPublicIp=ENABLED}"
        );
        assert!(Tasks::of(Values::new()).is_err());
    }

    #[test]
    fn an_exit_code_means_something() {
        assert!(meaning(Program::Psql, "2").contains("db check --deployed"));
        assert!(meaning(Program::Server, "2").contains("settings"));
        assert_eq!(meaning(Program::Psql, "1"), "it ended with 1");
    }
}
