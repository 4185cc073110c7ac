//! Events and health of a Beanstalk environment.

use std::{collections::BTreeSet, fmt};

use anyhow::{Result, bail};
use serde::Deserialize;
use xtask::progress::{Step, elapsed, say};

use crate::aws;

/// Time limit for an environment to become healthy after a deployment, in seconds.
const HEALTHY_WITHIN_S: u64 = 900;

/// Events of an environment, each shown once.
pub(crate) struct Events {
    environment: String,
    seen: BTreeSet<Event>,
}

/// Date, severity and message.
pub(crate) type Event = (String, String, String);

impl Events {
    /// Starts with events from now on.
    pub(crate) fn from_now(environment: &str) -> Self {
        let seen = newest_events(environment, 50).unwrap_or_default().into_iter().collect();
        Self { environment: environment.to_owned(), seen }
    }

    pub(crate) fn show_new(&mut self, step: &Step) {
        // Before the environment exists, there are no events.
        for event in newest_events(&self.environment, 20).unwrap_or_default() {
            if self.seen.insert(event.clone()) {
                step.is_doing(&event.2);
                say(format!("  {}", event.2));
            }
        }
    }
}

/// Returns the newest events, oldest first.
pub(crate) fn newest_events(environment: &str, count: u32) -> Result<Vec<Event>> {
    let count = count.to_string();
    let mut call = vec!["elasticbeanstalk", "describe-events", "--environment-name", environment];
    call.extend(["--no-paginate", "--max-records", &count]);
    let mut events: Vec<Event> = aws::query("Events[].[EventDate,Severity,Message]", &call)?;
    events.reverse();
    Ok(events)
}

/// Health of an environment.
#[derive(Debug, Deserialize)]
pub(crate) struct Health {
    color: Option<String>,
    status: Option<String>,
    causes: Option<Vec<String>>,
}

impl Health {
    pub(crate) fn of(environment: &str) -> Result<Self> {
        let mut call =
            vec!["elasticbeanstalk", "describe-environment-health", "--environment-name", environment];
        call.extend(["--attribute-names", "Color", "HealthStatus", "Causes"]);
        aws::query("{color:Color,status:HealthStatus,causes:Causes}", &call)
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
        write!(f, "{}, {}", text(&self.color), text(&self.status))?;
        self.causes.iter().flatten().try_for_each(|cause| write!(f, "; {cause}"))
    }
}

/// Waits until the health is good. Grey, `No Data` and `Severe` are normal while instances change.
pub(crate) fn wait_for_health(environment: &str, events: &mut Events, step: &Step) -> Result<()> {
    let since = elapsed();
    aws::wait_for(|| {
        events.show_new(step);
        let health = Health::of(environment)?;
        step.is_doing(&format!("health: {health}"));
        if health.color.as_deref() == Some("Green") {
            return Ok(Some(()));
        }
        if elapsed().saturating_sub(since).as_secs() > HEALTHY_WITHIN_S {
            bail!(
                "the environment {environment} is not healthy after {HEALTHY_WITHIN_S} s: {health}\n\
                 See the logs with cargo xtask deploy beanstalk --logs, or roll back with --rollback"
            );
        }
        Ok(None)
    })
}
