//! Services of ECS: how many tasks they have, and why one ended.

use std::{
    collections::BTreeSet,
    fmt,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use super::{System, logs};
use crate::{
    aws,
    cloudformation::Values,
    images::Part,
    progress::{Step, say},
};

/// The three that run. The order in which they are deployed: nginx finds servers that are there before it.
pub(crate) const PARTS: [Part; 3] = [Part::Server, Part::Worker, Part::Nginx];

/// The service of a part, and its cluster.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) part: Part,
    pub(crate) cluster: String,
    pub(crate) name: String,
}

/// How a service stands.
pub(crate) struct State {
    pub(crate) desired: u32,
    pub(crate) running: u32,
    /// Such as `COMPLETED`, of the newest deployment.
    pub(crate) rollout: String,
    /// The newest deployment's id.
    primary: String,
    /// One, unless tasks are being replaced.
    pub(crate) deployments: u32,
}

impl State {
    pub(crate) fn is_steady(&self) -> bool {
        self.deployments == 1 && self.running == self.desired && self.rollout != "IN_PROGRESS"
    }
}

/// How long a service may take until the tasks run that are to run.
const STEADY_WITHIN: Duration = Duration::from_secs(900);

/// The template of a part.
pub(crate) fn template(part: Part) -> &'static str {
    match part {
        Part::Server => "fargate/server.yaml",
        Part::Worker => "fargate/worker.yaml",
        Part::Nginx => "fargate/nginx.yaml",
        Part::Debug => unreachable!("it is no service"),
    }
}

/// The services that are there, of these parts.
pub(crate) fn find(system: &System, parts: &[Part]) -> Result<Vec<Service>> {
    let base = system.stack("fargate/base.yaml").outputs()?;
    let mut services = Vec::new();
    for part in chosen(parts) {
        let outputs = system.stack(template(part)).outputs()?;
        if let (Some(cluster), Some(name)) = (base.get("Cluster"), service_in(&outputs)) {
            services.push(Service { part, cluster: cluster.clone(), name: name.clone() });
        }
    }
    if services.is_empty() {
        bail!("{} has no services on Fargate; cargo xtask deploy fargate makes them", system.name);
    }
    Ok(services)
}

fn service_in(outputs: &Values) -> Option<&String> {
    outputs.iter().find(|(name, _)| name.ends_with("Service")).map(|(_, value)| value)
}

/// All of them if none is named, in the order of deployment.
pub(crate) fn chosen(parts: &[Part]) -> Vec<Part> {
    PARTS.into_iter().filter(|part| parts.is_empty() || parts.contains(part)).collect()
}

impl Service {
    fn describe(&self, query: &str) -> Result<Vec<Vec<String>>> {
        let call = ["ecs", "describe-services", "--cluster", &self.cluster, "--services", &self.name];
        aws::rows(call.into_iter().chain(["--query", query]))
    }

    pub(crate) fn state(&self) -> Result<State> {
        let query = "services[0].[desiredCount,runningCount,deployments[?status=='PRIMARY']|[0].rolloutState,\
                     deployments[?status=='PRIMARY']|[0].id,length(deployments)]";
        let row = self.describe(query)?.into_iter().flatten().collect::<Vec<_>>();
        let [desired, running, rollout, primary, deployments] = row.try_into().unwrap_or_default();
        let number = |text: String| text.parse().unwrap_or(0);
        Ok(State {
            desired: number(desired),
            running: number(running),
            rollout,
            primary,
            deployments: number(deployments),
        })
    }

    /// What ECS says of it, newest first.
    pub(crate) fn events(&self, count: usize) -> Result<Vec<String>> {
        let rows = self.describe(&format!("services[0].events[:{count}].[message]"))?;
        Ok(rows.into_iter().flatten().collect())
    }

    /// Changes it, and says which deployment does that.
    pub(crate) fn update(&self, arguments: &[&str]) -> Result<String> {
        let call = ["ecs", "update-service", "--cluster", &self.cluster, "--service", &self.name];
        let query = ["--query", "service.deployments[?status=='PRIMARY']|[0].id"];
        aws::text(call.into_iter().chain(arguments.iter().copied()).chain(query))
    }

    /// How many tasks there are at least, and whether their number changes by itself.
    pub(crate) fn scale(&self, least: u32, by_itself: bool) -> Result<()> {
        let service = format!("service/{}/{}", self.cluster, self.name);
        let suspended =
            ["DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended"]
                .map(|name| format!("{name}={}", !by_itself));
        let call = ["application-autoscaling", "register-scalable-target", "--service-namespace", "ecs"];
        let what = ["--scalable-dimension", "ecs:service:DesiredCount", "--resource-id", &service];
        let how = ["--min-capacity", &least.to_string(), "--suspended-state", &suspended.join(",")];
        aws::text(call.into_iter().chain(what).chain(how))?;
        Ok(())
    }

    /// Waits until as many tasks run as there are to be, and none but those of this deployment.
    pub(crate) fn wait(&self, deployment: &str) -> Result<()> {
        let step = Step::begin(self.part.name());
        let start = Instant::now();
        let state = aws::wait_for(|| {
            let state = self.state()?;
            step.is_doing(&format!("{} of {} tasks run", state.running, state.desired));
            Ok((state.is_steady() || start.elapsed() > STEADY_WITHIN).then_some(state))
        })?;
        let why = || self.failures().map(|failures| failures.join("\n  "));
        if !state.is_steady() {
            bail!("{}: {} of {} tasks run\n  {}", self.part, state.running, state.desired, why()?);
        }
        // The circuit breaker's way back is another deployment.
        if state.primary != deployment {
            bail!("{}: the new tasks failed, and the ones before run on\n  {}", self.part, why()?);
        }
        say(format!("{}: {} tasks run", self.part, state.running));
        Ok(())
    }

    /// The tasks that run.
    pub(crate) fn tasks(&self, status: &str) -> Result<Vec<String>> {
        let call = ["ecs", "list-tasks", "--cluster", &self.cluster, "--service-name", &self.name];
        let arns = aws::words(call.into_iter().chain(["--desired-status", status, "--query", "taskArns[]"]))?;
        Ok(arns.iter().map(|arn| arn.rsplit('/').next().unwrap_or(arn).to_owned()).collect())
    }

    /// The last words of tasks that failed; ECS remembers them for an hour.
    pub(crate) fn failures(&self) -> Result<Vec<String>> {
        let tasks = self.tasks("STOPPED")?;
        let ends = ends(self.part, &self.cluster, tasks.get(..10).unwrap_or(&tasks))?;
        Ok(ends.iter().filter(|end| end.failed).map(|end| format!("{} {end}", self.part)).collect())
    }
}

/// How a task ended.
pub(crate) struct End {
    pub(crate) task: String,
    reasons: String,
    failed: bool,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ended: {}", self.task, self.reasons)
    }
}

fn ends(part: Part, cluster: &str, tasks: &[String]) -> Result<Vec<End>> {
    if tasks.is_empty() {
        return Ok(Vec::new());
    }
    // Not its sidecars and proxies.
    let own = format!("containers[?name=='{part}']|[0]");
    let query = format!("tasks[].[taskArn,stopCode,stoppedReason,{own}.reason,{own}.exitCode]");
    let call = ["ecs", "describe-tasks", "--cluster", cluster, "--query", &query, "--tasks"];
    let rows = aws::rows(call.into_iter().chain(tasks.iter().map(String::as_str)))?;
    let read = |row: Vec<String>| {
        let [task, code, stopped, container, exit] = row.try_into().ok()?;
        let task = task.rsplit('/').next().unwrap_or(&task).to_owned();
        // Others were ended because there are newer ones, or fewer are wanted.
        // "Task failed ELB health checks", "Task failed container health checks" are among the latter.
        let failed = matches!(code.as_str(), "TaskFailedToStart" | "EssentialContainerExited")
            || stopped.contains("failed");
        let exit = if exit == "None" { exit } else { format!("exit code {exit}") };
        let reasons: Vec<_> = [stopped, container, exit].into_iter().filter(|text| text != "None").collect();
        Some(End { task, reasons: reasons.join(", "), failed })
    };
    Ok(rows.into_iter().filter_map(read).collect())
}

/// Watches a part while it is deployed, for tasks that fail: CloudFormation says only that the service did not become
/// stable, and with a first deployment what they logged goes away.
pub(crate) struct Watch<'a> {
    system: &'a System,
    part: Part,
    cluster: String,
    seen: BTreeSet<String>,
}

impl<'a> Watch<'a> {
    /// From now on.
    pub(crate) fn begin(system: &'a System, part: Part, cluster: &str) -> Self {
        let mut it = Self { system, part, cluster: cluster.to_owned(), seen: BTreeSet::new() };
        it.seen = it.stopped().unwrap_or_default().into_iter().collect();
        it
    }

    fn stopped(&self) -> Result<Vec<String>> {
        let family = format!("{}-{}", self.system.name, self.part);
        let call = ["ecs", "list-tasks", "--cluster", &self.cluster, "--family", &family];
        aws::words(call.into_iter().chain(["--desired-status", "STOPPED", "--query", "taskArns[]"]))
    }

    /// Says which failed since the last time, and what they logged in the end.
    pub(crate) fn tell(&mut self) {
        let new =
            self.stopped().unwrap_or_default().into_iter().filter(|task| self.seen.insert(task.clone()));
        let new = new.collect::<Vec<_>>();
        for end in
            ends(self.part, &self.cluster, &new).unwrap_or_default().into_iter().filter(|end| end.failed)
        {
            say(format!("  {} {end}", self.part));
            for line in logs::last_of_task(self.system, self.part, &end.task).unwrap_or_default() {
                say(format!("    {line}"));
            }
        }
    }
}
