//! ECS services: how many tasks they have, and why a task ended.

use std::{
    collections::BTreeSet,
    fmt,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use clap::{
    ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};
use serde::Deserialize;
use xtask::{
    images::Part,
    progress::{Step, say},
};

use crate::{aws, logs, system::System};

/// The parts that run as services, in the order of their deployment: nginx must find servers.
pub(crate) const PARTS: [Part; 3] = [Part::Server, Part::Worker, Part::Nginx];

/// Parses the name of one of these parts.
pub(crate) fn part() -> impl TypedValueParser<Value = Part> {
    PossibleValuesParser::new(PARTS.map(Part::name)).try_map(|name| Part::from_str(&name, false))
}

/// Time limit for a service to reach the desired number of tasks.
const STEADY_WITHIN: Duration = Duration::from_secs(900);

/// The service of a part.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) part: Part,
    pub(crate) cluster: String,
    name: String,
}

/// State of a service.
#[derive(Debug, Deserialize)]
pub(crate) struct State {
    pub(crate) desired: u32,
    pub(crate) running: u32,
    /// State of the newest deployment, such as `COMPLETED`.
    pub(crate) rollout: Option<String>,
    /// Id of the newest deployment.
    primary: Option<String>,
    /// Number of deployments; more than one while tasks are being replaced.
    deployments: u32,
}

impl State {
    fn is_steady(&self) -> bool {
        self.deployments == 1
            && self.running == self.desired
            && self.rollout.as_deref() != Some("IN_PROGRESS")
    }
}

/// Returns the template of a part.
pub(crate) fn template(part: Part) -> &'static str {
    match part {
        Part::Server => "fargate/server.yaml",
        Part::Worker => "fargate/worker.yaml",
        Part::Nginx => "fargate/nginx.yaml",
        Part::Debug => unreachable!("the debug image is not a service"),
    }
}

/// Returns the existing services of these parts, or of all if none is named.
pub(crate) fn find(system: &System, parts: &[Part]) -> Result<Vec<Service>> {
    let base = system.stack("fargate/base.yaml").outputs()?;
    let mut services = Vec::new();
    for part in selected(parts) {
        let outputs = system.stack(template(part)).outputs()?;
        let name = outputs.iter().find(|(name, _)| name.ends_with("Service")).map(|(_, value)| value);
        if let (Some(cluster), Some(name)) = (base.get("Cluster"), name) {
            services.push(Service { part, cluster: cluster.clone(), name: name.clone() });
        }
    }
    if services.is_empty() {
        bail!("{} has no services on Fargate; run cargo xtask deploy fargate", system.name);
    }
    Ok(services)
}

/// Returns these parts, or all if none is named, in the order of deployment.
pub(crate) fn selected(parts: &[Part]) -> Vec<Part> {
    PARTS.into_iter().filter(|part| parts.is_empty() || parts.contains(part)).collect()
}

impl Service {
    fn describe(&self) -> [&str; 6] {
        ["ecs", "describe-services", "--cluster", &self.cluster, "--services", &self.name]
    }

    pub(crate) fn state(&self) -> Result<State> {
        let query = "services[0].{desired:desiredCount,running:runningCount,\
                     rollout:deployments[?status=='PRIMARY']|[0].rolloutState,\
                     primary:deployments[?status=='PRIMARY']|[0].id,deployments:length(deployments)}";
        aws::query(query, &self.describe())
    }

    /// Returns the latest events of the service, newest first.
    pub(crate) fn events(&self, count: usize) -> Result<Vec<String>> {
        aws::query(&format!("services[0].events[:{count}].message"), &self.describe())
    }

    /// Changes the service and returns the id of the resulting deployment.
    pub(crate) fn update(&self, arguments: &[&str]) -> Result<String> {
        let call = ["ecs", "update-service", "--cluster", &self.cluster, "--service", &self.name];
        aws::query("service.deployments[?status=='PRIMARY']|[0].id", &[&call[..], arguments].concat())
    }

    /// Sets the minimum number of tasks, and suspends or resumes autoscaling.
    pub(crate) fn scale(&self, minimum: u32, autoscaling: bool) -> Result<()> {
        let service = format!("service/{}/{}", self.cluster, self.name);
        let suspended =
            ["DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended"]
                .map(|name| format!("{name}={}", !autoscaling));
        let mut call =
            vec!["application-autoscaling", "register-scalable-target", "--service-namespace", "ecs"];
        call.extend(["--scalable-dimension", "ecs:service:DesiredCount", "--resource-id", &service]);
        let (minimum, suspended) = (minimum.to_string(), suspended.join(","));
        call.extend(["--min-capacity", &minimum, "--suspended-state", &suspended]);
        aws::call(call)?;
        Ok(())
    }

    /// Waits until the desired number of tasks is running, all of this deployment.
    pub(crate) fn wait(&self, deployment: &str) -> Result<()> {
        let step = Step::begin(self.part.name());
        let start = Instant::now();
        let state = aws::wait_for(|| {
            let state = self.state()?;
            step.is_doing(&format!("{} of {} tasks running", state.running, state.desired));
            Ok((state.is_steady() || start.elapsed() > STEADY_WITHIN).then_some(state))
        })?;
        let failures = || self.failures().map(|failures| failures.join("\n  "));
        if !state.is_steady() {
            bail!("{}: {} of {} tasks running\n  {}", self.part, state.running, state.desired, failures()?);
        }
        // The circuit breaker rolls back with another deployment.
        if state.primary.as_deref() != Some(deployment) {
            bail!(
                "{}: the new tasks failed; the previous ones are still running\n  {}",
                self.part,
                failures()?
            );
        }
        say(format!("{}: {} tasks running", self.part, state.running));
        Ok(())
    }

    /// Returns the ids of the service's tasks with a status such as `RUNNING`.
    pub(crate) fn tasks(&self, status: &str) -> Result<Vec<String>> {
        let call = ["ecs", "list-tasks", "--cluster", &self.cluster, "--service-name", &self.name];
        let arns: Vec<String> = aws::query("taskArns", &[&call[..], &["--desired-status", status]].concat())?;
        Ok(arns.iter().map(|arn| id(arn).to_owned()).collect())
    }

    /// Returns why tasks failed during the last hour, as far as ECS remembers.
    pub(crate) fn failures(&self) -> Result<Vec<String>> {
        let tasks = self.tasks("STOPPED")?;
        let ends = ends(self.part.name(), &self.cluster, tasks.get(..10).unwrap_or(&tasks))?;
        Ok(ends.iter().filter(|end| end.is_failure()).map(|end| format!("{} {end}", self.part)).collect())
    }
}

/// The last part of an ARN.
fn id(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// Outcome of a task.
#[derive(Debug, Deserialize)]
pub(crate) struct End {
    arn: String,
    code: Option<String>,
    stopped: Option<String>,
    container: Option<String>,
    pub(crate) exit: Option<i32>,
}

impl End {
    /// Returns false if it was stopped because newer tasks replaced it or fewer are desired.
    fn is_failure(&self) -> bool {
        // "Task failed ELB health checks" and "Task failed container health checks" have a code of their own.
        matches!(self.code.as_deref(), Some("TaskFailedToStart" | "EssentialContainerExited"))
            || self.stopped.as_deref().is_some_and(|reason| reason.contains("failed"))
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exit = self.exit.map(|code| format!("exit code {code}"));
        let reasons: Vec<_> =
            [&self.stopped, &self.container, &exit].into_iter().flatten().cloned().collect();
        write!(f, "{} ended: {}", id(&self.arn), reasons.join(", "))
    }
}

/// Returns the outcome of these tasks, with that of their main container.
pub(crate) fn ends(container: &str, cluster: &str, tasks: &[String]) -> Result<Vec<End>> {
    if tasks.is_empty() {
        return Ok(Vec::new());
    }
    // Only the main container, without sidecars and proxies.
    let own = format!("containers[?name=='{container}']|[0]");
    let query = format!(
        "tasks[].{{arn:taskArn,code:stopCode,stopped:stoppedReason,container:{own}.reason,exit:{own}.exitCode}}"
    );
    let mut call = vec!["ecs", "describe-tasks", "--cluster", cluster, "--tasks"];
    call.extend(tasks.iter().map(String::as_str));
    aws::query(&query, &call)
}

/// Watches a part for failing tasks while it is deployed. CloudFormation reports only that the service did not become
/// stable, and when a first deployment fails, the logs are deleted with it.
pub(crate) struct Watch<'a> {
    system: &'a System,
    part: Part,
    cluster: String,
    seen: BTreeSet<String>,
}

impl<'a> Watch<'a> {
    /// Begins to watch a part; ignores earlier failures.
    pub(crate) fn begin(system: &'a System, part: Part, cluster: &str) -> Self {
        let mut it = Self { system, part, cluster: cluster.to_owned(), seen: BTreeSet::new() };
        it.seen = it.stopped().unwrap_or_default().into_iter().collect();
        it
    }

    fn stopped(&self) -> Result<Vec<String>> {
        let family = format!("{}-{}", self.system.name, self.part);
        let call = ["ecs", "list-tasks", "--cluster", &self.cluster, "--family", &family];
        aws::query("taskArns", &[&call[..], &["--desired-status", "STOPPED"]].concat())
    }

    /// Shows the tasks that failed since the last call, with the end of their logs.
    pub(crate) fn show_failures(&mut self) {
        let stopped = self.stopped().unwrap_or_default();
        let new: Vec<_> = stopped.into_iter().filter(|task| self.seen.insert(task.clone())).collect();
        let ends = ends(self.part.name(), &self.cluster, &new).unwrap_or_default();
        for end in ends.iter().filter(|end| end.is_failure()) {
            say(format!("  {} {end}", self.part));
            for line in logs::end_of_task(self.system, self.part, id(&end.arn)).unwrap_or_default() {
                say(format!("    {line}"));
            }
        }
    }
}
