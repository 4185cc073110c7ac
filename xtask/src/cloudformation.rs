//! Stacks of CloudFormation, made and changed from the templates in `deploy/`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use anyhow::{Result, bail};

use crate::{
    aws::{self, Refused},
    child::Interrupted,
    progress::{Step, say},
};

/// Parameters or outputs, by their names.
pub(crate) type Values = BTreeMap<String, String>;

/// A stack, there or not yet.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    system: String,
    pub(crate) name: String,
    /// Its file in `deploy/`.
    template: String,
}

/// What a deployment made of a stack.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    Created,
    Updated,
    Unchanged,
}

impl Stack {
    /// The stack that `template`, a file in `deploy/`, describes: `fargate/server.yaml` as `fibstack-server`.
    pub(crate) fn new(system: &str, template: &str) -> Self {
        let part = template.rsplit('/').next().unwrap_or(template).trim_end_matches(".yaml");
        Self {
            system: system.to_owned(),
            name: format!("{system}-{part}"),
            template: format!("deploy/{template}"),
        }
    }

    /// How it is; `None` if it is not there.
    fn describe(&self) -> Result<Option<Description>> {
        // All in one call, since each takes as long as it takes to start the AWS CLI.
        let query = "Stacks[0].[[StackStatus,StackId],Parameters[].['parameter',ParameterKey,ParameterValue],\
                     Outputs[].['output',OutputKey,OutputValue]]";
        match aws::rows(["cloudformation", "describe-stacks", "--stack-name", &self.name, "--query", query]) {
            Ok(rows) => Ok(Description::read(rows).filter(|it| it.status != "DELETE_COMPLETE")),
            Err(error) if Refused::is(&error, "does not exist") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Such as `UPDATE_COMPLETE`; `None` if it is not there.
    pub(crate) fn status(&self) -> Result<Option<String>> {
        Ok(self.describe()?.map(|it| it.status))
    }

    /// What it tells others; nothing if it is not there.
    pub(crate) fn outputs(&self) -> Result<Values> {
        Ok(self.describe()?.filter(Description::is_of_use).map(|it| it.outputs).unwrap_or_default())
    }

    /// What it was made with; nothing if it is not there. A secret has no place among them.
    pub(crate) fn parameters(&self) -> Result<Values> {
        Ok(self.describe()?.filter(Description::is_of_use).map(|it| it.parameters).unwrap_or_default())
    }

    /// Makes it, or changes it to what its template says now, and waits until that is done. A parameter has the value
    /// that is given; else the one that is offered, by outputs of other stacks; else the one from before.
    /// `meanwhile` is called every few seconds.
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
            say(format!("{}: {}, by somebody else; waiting", self.name, it.status));
            self.wait(&mut BTreeSet::new(), &mut || {})?;
            before = self.describe()?;
        }
        // What a creation that failed was given is not forgotten with it.
        let mut lost = Values::new();
        if let Some(it) = before.take_if(|it| !it.is_of_use()) {
            lost = it.parameters;
            self.delete(role)?;
        }
        if before.as_ref().is_some_and(|it| it.status == "DELETE_FAILED") {
            bail!("stack {} is half deleted: finish that first, with --destroy", self.name);
        }
        let exists = before.is_some();
        let before = before.map(|it| it.parameters).unwrap_or_default();
        let offered: Values = lost.into_iter().chain(offered.clone()).collect();
        let parameters = as_json(&choose(&names, given, &offered, &before));
        let mut seen = self.events(exists)?.into_iter().map(|event| event.id).collect();

        let verb = if exists { "update-stack" } else { "create-stack" };
        let body = format!("file://{}", self.template);
        let tags = format!("Key=system,Value={}", self.system);
        let mut call = vec!["cloudformation", verb, "--stack-name", &self.name, "--template-body", &body];
        call.extend(["--parameters", &parameters, "--capabilities", "CAPABILITY_IAM", "--tags", &tags]);
        call.extend(["--query", "StackId"]);
        call.extend(role.into_iter().flat_map(|role| ["--role-arn", role]));
        match aws::text(call) {
            Ok(_) => {}
            Err(error) if Refused::is(&error, "No updates are to be performed") => {
                return Ok(Outcome::Unchanged);
            }
            Err(error) => return Err(error.context(format!("stack {}", self.name))),
        }
        let end = self.wait(&mut seen, meanwhile)?;
        match end.as_str() {
            "CREATE_COMPLETE" => Ok(Outcome::Created),
            "UPDATE_COMPLETE" => Ok(Outcome::Updated),
            _ if verb == "update-stack" => {
                bail!("stack {}: {end}. What ran before runs on; the reason is above", self.name)
            }
            _ => bail!("stack {}: {end}. The reason is above; the next deployment begins anew", self.name),
        }
    }

    /// Which parameters its template has. AWS reads it for that, and says what is wrong with it.
    fn parameter_names(&self) -> Result<Vec<String>> {
        let body = format!("file://{}", self.template);
        aws::words([
            "cloudformation",
            "get-template-summary",
            "--template-body",
            &body,
            "--query",
            "Parameters[].ParameterKey",
        ])
    }

    /// Deletes it and waits until it is gone.
    pub(crate) fn delete(&self, role: Option<&str>) -> Result<()> {
        let Some(Description { id, .. }) = self.describe()? else { return Ok(()) };
        let mut seen = self.events(true)?.into_iter().map(|event| event.id).collect();
        let mut call = vec!["cloudformation", "delete-stack", "--stack-name", &id];
        call.extend(role.into_iter().flat_map(|role| ["--role-arn", role]));
        aws::text(call)?;
        // By its id: its name belongs to nobody once it is gone.
        let it = Self { name: id, ..self.clone() };
        let end = it.wait(&mut seen, &mut || {})?;
        if end == "DELETE_COMPLETE" {
            return Ok(());
        }
        bail!("stack {}: {end}. The reason is above", self.name)
    }

    /// Shows what happens until it is done, and says how it ended.
    fn wait(&self, seen: &mut BTreeSet<String>, meanwhile: &mut dyn FnMut()) -> Result<String> {
        let short = self.name.rsplit("stack/").next().unwrap_or_default();
        let short = short.split('/').next().unwrap_or_default();
        let step = Step::begin(short);
        aws::wait_for(|| {
            let status = self.status()?.unwrap_or_else(|| "DELETE_COMPLETE".to_owned());
            for event in self.events(true).unwrap_or_default() {
                if seen.insert(event.id.clone()) {
                    event.tell(short, &step);
                }
            }
            meanwhile();
            Ok((!status.ends_with("_IN_PROGRESS")).then_some(status))
        })
        .inspect_err(|error| {
            if error.is::<Interrupted>() {
                say(format!("AWS goes on with the stack {short}; the same command, later, waits for it"));
            }
        })
    }

    /// What it is made of, of one type: the names on AWS.
    pub(crate) fn resources(&self, kind: &str) -> Result<Vec<String>> {
        if self.status()?.is_none() {
            return Ok(Vec::new());
        }
        let query = format!(
            "StackResourceSummaries[?ResourceType=='{kind}' && ResourceStatus!='DELETE_COMPLETE'].PhysicalResourceId"
        );
        aws::words(["cloudformation", "list-stack-resources", "--stack-name", &self.name, "--query", &query])
    }

    /// The newest events, oldest first.
    fn events(&self, exists: bool) -> Result<Vec<Event>> {
        if !exists {
            return Ok(Vec::new());
        }
        let query = "StackEvents[:50].[EventId,LogicalResourceId,ResourceStatus,ResourceStatusReason]";
        let call = ["cloudformation", "describe-stack-events", "--no-paginate", "--stack-name", &self.name];
        let rows = aws::rows(call.into_iter().chain(["--query", query]))?;
        Ok(rows.into_iter().rev().filter_map(Event::read).collect())
    }
}

/// What CloudFormation says of a stack.
struct Description {
    status: String,
    id: String,
    parameters: Values,
    outputs: Values,
}

impl Description {
    fn read(rows: Vec<Vec<String>>) -> Option<Self> {
        let mut rows = rows.into_iter();
        let [status, id] = rows.next()?.try_into().ok()?;
        let mut it = Self { status, id, parameters: Values::new(), outputs: Values::new() };
        for row in rows {
            // A value may be empty, or hold tabs.
            let mut row = row.into_iter();
            let (Some(kind), Some(name)) = (row.next(), row.next()) else { continue };
            let values = if kind == "parameter" { &mut it.parameters } else { &mut it.outputs };
            values.insert(name, row.collect::<Vec<_>>().join("\t"));
        }
        Some(it)
    }

    fn is_changing(&self) -> bool {
        // In review is a set of changes that somebody looks at.
        self.status.ends_with("_IN_PROGRESS") && self.status != "REVIEW_IN_PROGRESS"
    }

    /// A first creation that failed left nothing, and nothing can be made of it.
    fn is_of_use(&self) -> bool {
        !matches!(self.status.as_str(), "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "REVIEW_IN_PROGRESS")
    }
}

/// Something that happened to a resource of a stack.
struct Event {
    id: String,
    resource: String,
    status: String,
    reason: String,
}

impl Event {
    fn read(row: Vec<String>) -> Option<Self> {
        let [id, resource, status, reason] = row.try_into().ok()?;
        Some(Self { id, resource, status, reason })
    }

    fn tell(&self, stack: &str, step: &Step) {
        let Self { resource, status, reason, .. } = self;
        // Those of the stack itself are told by how it ends.
        if resource == stack || status.ends_with("_IN_PROGRESS") {
            step.is_doing(&format!("{resource} {}", status.to_lowercase()));
        } else if status.ends_with("_FAILED") {
            say(format!("  {stack}: {resource} {status}: {reason}"));
        } else {
            say(format!("  {stack}: {resource} {status}"));
        }
    }
}

/// A parameter's value, or that it stays as it is.
#[derive(Debug, Eq, PartialEq)]
enum Choice<'a> {
    Value(&'a str),
    Previous,
}

fn choose<'a>(
    names: &'a [String],
    given: &'a Values,
    offered: &'a Values,
    before: &Values,
) -> Vec<(&'a str, Choice<'a>)> {
    let choose = |name: &'a String| {
        let value = given.get(name).or_else(|| offered.get(name)).map(|value| Choice::Value(value));
        let choice = value.or_else(|| before.contains_key(name).then_some(Choice::Previous));
        choice.map(|choice| (name.as_str(), choice))
    };
    names.iter().filter_map(choose).collect()
}

/// As `aws … --parameters` takes them. Its shorter form stumbles over commas.
fn as_json(parameters: &[(&str, Choice<'_>)]) -> String {
    let one = |(name, choice): &(&str, Choice<'_>)| match choice {
        Choice::Value(value) => {
            format!(r#"{{"ParameterKey":"{name}","ParameterValue":{}}}"#, quoted(value))
        }
        Choice::Previous => format!(r#"{{"ParameterKey":"{name}","UsePreviousValue":true}}"#),
    };
    format!("[{}]", parameters.iter().map(one).collect::<Vec<_>>().join(","))
}

/// A JSON string.
pub(crate) fn quoted(text: &str) -> String {
    let mut json = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => json.extend(['\\', character]),
            '\0'..='\u{1f}' => {
                let _ = write!(json, "\\u{:04x}", u32::from(character));
            }
            _ => json.push(character),
        }
    }
    json + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_parameter_is_what_is_given_or_offered_or_what_it_was() {
        let names = ["Image", "VpcId", "Cpu", "Memory"].map(str::to_owned);
        let (given, offered) =
            (values(&[("Image", "new")]), values(&[("Image", "other"), ("VpcId", "vpc-1")]));
        let before = values(&[("Image", "old"), ("Cpu", "512"), ("Gone", "x")]);
        let chosen = choose(&names, &given, &offered, &before);
        // And nothing of Memory, which has its default.
        assert_eq!(
            as_json(&chosen),
            concat!(
                r#"[{"ParameterKey":"Image","ParameterValue":"new"},"#,
                r#"{"ParameterKey":"VpcId","ParameterValue":"vpc-1"},"#,
                r#"{"ParameterKey":"Cpu","UsePreviousValue":true}]"#
            )
        );
    }

    #[test]
    fn a_description_is_read_from_rows() {
        let rows = [
            vec!["UPDATE_COMPLETE", "arn:x"],
            vec!["parameter", "Cpu", "256"],
            vec!["parameter", "Domain", ""],
            vec!["output", "Url", "http://x"],
        ];
        let rows = rows.map(|row| row.into_iter().map(str::to_owned).collect()).to_vec();
        let it = Description::read(rows).unwrap();
        assert_eq!((it.status.as_str(), it.id.as_str()), ("UPDATE_COMPLETE", "arn:x"));
        assert_eq!(it.parameters, values(&[("Cpu", "256"), ("Domain", "")]));
        assert_eq!(it.outputs, values(&[("Url", "http://x")]));
        assert!(it.is_of_use());
    }

    #[test]
    fn values_are_quoted() {
        assert_eq!(quoted("a,b"), r#""a,b""#);
        assert_eq!(quoted("a\"b\\c\n"), r#""a\"b\\c\u000a""#);
    }

    #[test]
    fn stacks_are_named_by_system_and_template() {
        let stack = Stack::new("fibstack", "fargate/server.yaml");
        assert_eq!(
            (stack.name.as_str(), stack.template.as_str()),
            ("fibstack-server", "deploy/fargate/server.yaml")
        );
    }
}
