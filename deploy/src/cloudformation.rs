//! CloudFormation stacks, created and updated from the templates in `deploy/`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use xtask::{
    child::Interrupted,
    progress::{Step, say},
};

use crate::{
    aws::{self, Refused},
    parameters,
};

/// Parameters or outputs by name.
pub(crate) type Values = BTreeMap<String, String>;

/// A stack, which may not exist yet.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    system: String,
    pub(crate) name: String,
    /// Path of the template, relative to the root.
    template: String,
}

/// Effect of a deployment on a stack.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    Created,
    Updated,
    Unchanged,
}

impl Stack {
    /// The stack of a template in `deploy/`: `fargate/server.yaml` becomes `fibstack-server`.
    pub(crate) fn new(system: &str, template: &str) -> Self {
        let part = template.rsplit('/').next().unwrap_or(template).trim_end_matches(".yaml");
        Self {
            system: system.to_owned(),
            name: format!("{system}-{part}"),
            template: format!("deploy/{template}"),
        }
    }

    /// Returns the state of the stack; `None` if it does not exist.
    fn describe(&self) -> Result<Option<Description>> {
        let query = "Stacks[0].{status:StackStatus,id:StackId,\
                     parameters:Parameters[].[ParameterKey,ParameterValue],outputs:Outputs[].[OutputKey,OutputValue]}";
        match aws::query(query, &["cloudformation", "describe-stacks", "--stack-name", &self.name]) {
            Ok(description) => {
                Ok(Some(description).filter(|it: &Description| it.status != "DELETE_COMPLETE"))
            }
            Err(error) if Refused::is(&error, "does not exist") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns a status such as `UPDATE_COMPLETE`; `None` if it does not exist.
    pub(crate) fn status(&self) -> Result<Option<String>> {
        Ok(self.describe()?.map(|it| it.status))
    }

    /// Returns the outputs of the stack; empty if it does not exist.
    pub(crate) fn outputs(&self) -> Result<Values> {
        Ok(self.describe()?.filter(Description::is_usable).map(|it| it.outputs).unwrap_or_default())
    }

    /// Returns the parameters of the stack; empty if it does not exist. No secret may be among them.
    pub(crate) fn parameters(&self) -> Result<Values> {
        Ok(self.describe()?.filter(Description::is_usable).map(|it| it.parameters).unwrap_or_default())
    }

    /// Creates the stack, or updates it to its template, and waits until that is done. A parameter gets its value
    /// from `given`, or else from `offered` (outputs of other stacks), or else keeps the previous one. `meanwhile` is
    /// called every few seconds.
    pub(crate) fn deploy(
        &self,
        given: &Values,
        offered: &Values,
        role: Option<&str>,
        meanwhile: &mut dyn FnMut(),
    ) -> Result<Outcome> {
        let names = self.parameter_names()?;
        let mut before = self.describe()?;
        if let Some(it) = before.as_ref().filter(|it| it.is_changing()) {
            say(format!("{}: {}, started by somebody else; waiting", self.name, it.status));
            self.wait(&mut BTreeSet::new(), &mut || {})?;
            before = self.describe()?;
        }
        // The parameters of a failed creation are kept for the next one.
        let mut kept = Values::new();
        if let Some(it) = before.take_if(|it| !it.is_usable()) {
            kept = it.parameters;
            kept.retain(|name, _| !given.contains_key(name) && !offered.contains_key(name));
            let defaults = parameters::defaults(self.template.trim_start_matches("deploy/"))?;
            let same = kept.iter().filter(|(name, value)| defaults.get(*name) != Some(value));
            let same: Vec<_> = same.map(|(name, value)| format!(" {name}={value}")).collect();
            say(format!("{}: its creation failed; creating it again", self.name));
            if !same.is_empty() {
                say(format!("{}: as before,{}; --set changes that", self.name, same.join(",")));
            }
            self.delete(role)?;
        }
        if before.as_ref().is_some_and(|it| it.status == "DELETE_FAILED") {
            bail!("stack {} is only partly deleted: finish that first, with --destroy", self.name);
        }
        if before.as_ref().is_some_and(|it| it.status == "UPDATE_ROLLBACK_FAILED") {
            let name = &self.name;
            bail!(
                "an earlier update of stack {name} failed, and so did restoring it. Look for the reason with aws \
                 cloudformation describe-stack-events --stack-name {name}, remove it, complete the restoration with aws \
                 cloudformation continue-update-rollback --stack-name {name}, and deploy again"
            );
        }
        let exists = before.is_some();
        let previous = before.map(|it| it.parameters).unwrap_or_default();
        let offered: Values = kept.into_iter().chain(offered.clone()).collect();
        let parameters = chosen(&names, given, &offered, &previous).to_string();
        let mut seen =
            if exists { self.events()? } else { Vec::new() }.into_iter().map(|event| event.id).collect();

        let verb = if exists { "update-stack" } else { "create-stack" };
        let body = format!("file://{}", self.template);
        let tags = format!("Key=system,Value={}", self.system);
        let mut call = vec!["cloudformation", verb, "--stack-name", &self.name, "--template-body", &body];
        call.extend(["--parameters", &parameters, "--capabilities", "CAPABILITY_IAM", "--tags", &tags]);
        call.extend(role.into_iter().flat_map(|role| ["--role-arn", role]));
        match aws::call(call) {
            Ok(_) => {}
            Err(error) if Refused::is(&error, "No updates are to be performed") => {
                return Ok(Outcome::Unchanged);
            }
            Err(error) => return Err(error.context(format!("stack {}", self.name))),
        }
        match self.wait(&mut seen, meanwhile)?.as_str() {
            "CREATE_COMPLETE" => Ok(Outcome::Created),
            "UPDATE_COMPLETE" => Ok(Outcome::Updated),
            status if exists => {
                bail!(
                    "stack {}: {status}. The previous version is still running; see above for the reason",
                    self.name
                )
            }
            status => {
                bail!(
                    "stack {}: {status}. See above for the reason; the next deployment starts over",
                    self.name
                )
            }
        }
    }

    /// Returns the names of the template's parameters. AWS parses the template and reports mistakes in it.
    fn parameter_names(&self) -> Result<Vec<String>> {
        let body = format!("file://{}", self.template);
        aws::query(
            "Parameters[].ParameterKey",
            &["cloudformation", "get-template-summary", "--template-body", &body],
        )
    }

    /// Deletes the stack and waits until it is gone.
    pub(crate) fn delete(&self, role: Option<&str>) -> Result<()> {
        let Some(Description { id, .. }) = self.describe()? else { return Ok(()) };
        let mut seen = self.events()?.into_iter().map(|event| event.id).collect();
        let mut call = vec!["cloudformation", "delete-stack", "--stack-name", &id];
        call.extend(role.into_iter().flat_map(|role| ["--role-arn", role]));
        aws::call(call)?;
        // By id, because the name no longer refers to a deleted stack.
        let by_id = Self { name: id, ..self.clone() };
        match by_id.wait(&mut seen, &mut || {})?.as_str() {
            "DELETE_COMPLETE" => Ok(()),
            status => bail!("stack {}: {status}. See above for the reason", self.name),
        }
    }

    /// Shows events until the current operation is done, and returns the final status.
    fn wait(&self, seen: &mut BTreeSet<String>, meanwhile: &mut dyn FnMut()) -> Result<String> {
        let short = self.name.rsplit("stack/").next().unwrap_or_default();
        let short = short.split('/').next().unwrap_or_default();
        let step = Step::begin(short);
        aws::wait_for(|| {
            let status = self.status()?.unwrap_or_else(|| "DELETE_COMPLETE".to_owned());
            for event in self.events().unwrap_or_default() {
                if seen.insert(event.id.clone()) {
                    event.show(short, &step);
                }
            }
            meanwhile();
            Ok((!status.ends_with("_IN_PROGRESS")).then_some(status))
        })
        .inspect_err(|error| {
            if error.is::<Interrupted>() {
                say(format!(
                    "AWS is still changing stack {short}; run the same command again to wait for it"
                ));
            }
        })
    }

    /// Returns the names of the stack's resources of one type.
    pub(crate) fn resources(&self, kind: &str) -> Result<Vec<String>> {
        if self.status()?.is_none() {
            return Ok(Vec::new());
        }
        let query = format!(
            "StackResourceSummaries[?ResourceType=='{kind}' && ResourceStatus!='DELETE_COMPLETE'].PhysicalResourceId"
        );
        aws::query(&query, &["cloudformation", "list-stack-resources", "--stack-name", &self.name])
    }

    /// Returns the newest events, oldest first.
    fn events(&self) -> Result<Vec<Event>> {
        let query = "StackEvents[:50].{id:EventId,resource:LogicalResourceId,status:ResourceStatus,\
                     reason:ResourceStatusReason}";
        let call = ["cloudformation", "describe-stack-events", "--no-paginate", "--stack-name", &self.name];
        let mut events: Vec<Event> = aws::query(query, &call)?;
        events.reverse();
        Ok(events)
    }
}

/// State of a stack.
#[derive(Debug, Deserialize)]
struct Description {
    status: String,
    id: String,
    #[serde(deserialize_with = "pairs")]
    parameters: Values,
    #[serde(deserialize_with = "pairs")]
    outputs: Values,
}

/// Reads pairs of a name and a value, which AWS leaves out if it is empty.
fn pairs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Values, D::Error> {
    let pairs = Option::<Vec<(String, Option<String>)>>::deserialize(deserializer)?;
    Ok(pairs.into_iter().flatten().map(|(name, value)| (name, value.unwrap_or_default())).collect())
}

/// Returns a map of these names and values.
pub(crate) fn values(pairs: &[(&str, &str)]) -> Values {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

impl Description {
    fn is_changing(&self) -> bool {
        // A stack in review has a change set that somebody is reviewing.
        self.status.ends_with("_IN_PROGRESS") && self.status != "REVIEW_IN_PROGRESS"
    }

    /// Returns false after a failed creation, which leaves no resources and a stack that cannot be updated.
    fn is_usable(&self) -> bool {
        !matches!(self.status.as_str(), "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "REVIEW_IN_PROGRESS")
    }
}

/// An event of a resource.
#[derive(Debug, Deserialize)]
struct Event {
    id: String,
    resource: String,
    status: String,
    reason: Option<String>,
}

impl Event {
    fn show(&self, stack: &str, step: &Step) {
        let Self { resource, status, reason, .. } = self;
        // The stack's own events only repeat its final status.
        if resource == stack || status.ends_with("_IN_PROGRESS") {
            step.is_doing(&format!("{resource} {}", status.to_lowercase()));
        } else if status.ends_with("_FAILED") {
            say(format!(
                "  {stack}: {resource} {status}: {}",
                reason.as_deref().unwrap_or("no reason given")
            ));
        } else {
            say(format!("  {stack}: {resource} {status}"));
        }
    }
}

/// Returns parameters for `aws … --parameters`. In its shorter syntax, commas have a meaning.
fn chosen(names: &[String], given: &Values, offered: &Values, previous: &Values) -> Value {
    let parameter = |name: &String| match given.get(name).or_else(|| offered.get(name)) {
        Some(value) => Some(json!({ "ParameterKey": name, "ParameterValue": value })),
        None if previous.contains_key(name) => {
            Some(json!({ "ParameterKey": name, "UsePreviousValue": true }))
        }
        None => None,
    };
    names.iter().filter_map(parameter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_given_or_offered_or_keeps_its_value() {
        let names = ["Image", "VpcId", "Cpu", "Memory"].map(str::to_owned);
        let (given, offered) =
            (values(&[("Image", "new")]), values(&[("Image", "other"), ("VpcId", "vpc-1")]));
        let previous = values(&[("Image", "old"), ("Cpu", "512"), ("Gone", "x")]);
        assert_eq!(
            chosen(&names, &given, &offered, &previous),
            // Memory is absent and has its default.
            json!([
                { "ParameterKey": "Image", "ParameterValue": "new" },
                { "ParameterKey": "VpcId", "ParameterValue": "vpc-1" },
                { "ParameterKey": "Cpu", "UsePreviousValue": true },
            ])
        );
    }
}
