//! A deployed system: its stacks, by name.

use anyhow::{Result, bail};
use clap::Args;
use xtask::progress::say;

use crate::{
    aws::{self, Account, Refused},
    cloudformation::{Outcome, Stack, Values},
};

/// Outputs that describe what the stack itself runs; they must not become parameters of another stack.
const OWN: [&str; 4] = ["Image", "PreviousImage", "Version", "PreviousVersion"];

/// Output of the access stack, and its parameter.
const DOMAIN: &str = "Domain";

/// Returns true for a domain and its subdomains.
fn is_within(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|start| start.is_empty() || start.ends_with('.'))
}

/// The last parts of stacks' names, such as `fibstack-data`.
const STACKS: [&str; 11] = [
    "access",
    "base",
    "beanstalk",
    "data",
    "domain",
    "ecr",
    "nginx",
    "operations",
    "scaling",
    "server",
    "worker",
];

/// The system to work on.
#[derive(Args, Clone, Debug)]
pub(crate) struct SystemName {
    /// Prefix of all names on AWS; several systems can exist in one account
    #[arg(long = "system", value_name = "NAME", default_value = "fibstack", value_parser = system_name)]
    pub(crate) system: String,
}

/// Accepts the names that the templates accept.
fn system_name(text: &str) -> Result<String, String> {
    let first = text.chars().next().is_some_and(|first| first.is_ascii_lowercase());
    let others = text.chars().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-');
    // The names of repositories and databases allow no other hyphens.
    let hyphens = !text.contains("--") && !text.ends_with('-');
    // Names in the system `x` begin with those of its stacks, such as `x-data-`; so would all names of `x-data`.
    if let Some(stack) = STACKS.iter().find(|stack| text.ends_with(&format!("-{stack}"))) {
        return Err(format!("must not end with -{stack}, the name of a stack"));
    }
    if first && others && hyphens && (2..=20).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err("must be 2 to 20 lowercase letters, digits and single hyphens, starting with a letter".to_owned())
    }
}

/// Everything with one name prefix in one account and region.
pub(crate) struct System {
    pub(crate) name: String,
    pub(crate) account: Account,
    /// Outputs of the access stack; empty if it does not exist.
    access: Values,
}

impl System {
    /// Finds the account and shows it.
    pub(crate) fn open(name: &SystemName) -> Result<Self> {
        let name = name.system.clone();
        let account = aws::account()?;
        say(format!("{name} on AWS, {account}"));
        // Users for whom the access stack was made may read it. Others need no role.
        let access = match Stack::new(&name, "access.yaml").outputs() {
            Err(error) if !Refused::is(&error, "AccessDenied") => return Err(error),
            Err(_) => {
                say(format!(
                    "the stack {name}-access cannot be read: it is for one region and one system, and this may be \
                     another one (deploy/docs/aws.md#2-who-deploys)"
                ));
                Values::new()
            }
            Ok(outputs) => outputs,
        };
        Ok(Self { name, account, access })
    }

    /// Role that CloudFormation assumes; without one it has the user's permissions.
    pub(crate) fn role(&self) -> Option<&str> {
        self.access.get("CloudFormationRole").map(String::as_str)
    }

    /// Fails if an access stack exists and does not include the records of a domain.
    pub(crate) fn check_domain(&self, domain: &str) -> Result<()> {
        let allowed = self.access.get(DOMAIN).map(String::as_str);
        // Older access stacks allow all domains.
        if !self.access.contains_key("Region") || allowed.is_some_and(|allowed| is_within(domain, allowed)) {
            return Ok(());
        }
        bail!(
            "the access stack does not allow deployments to change records of {domain}. An administrator adds it: aws \
             cloudformation deploy --stack-name {}-access --template-file deploy/access.yaml --capabilities \
             CAPABILITY_NAMED_IAM --parameter-overrides {DOMAIN}={domain}",
            self.name
        )
    }

    /// The stack of a template in `deploy/`.
    pub(crate) fn stack(&self, template: &str) -> Stack {
        Stack::new(&self.name, template)
    }

    /// Creates or updates a stack, which may use the values in `known` as parameters, and adds its outputs to them.
    pub(crate) fn ensure(&self, stack: &Stack, given: &Values, known: &mut Values) -> Result<Outcome> {
        self.ensure_watched(stack, given, known, &mut || {})
    }

    /// Like [`Self::ensure`], calling `meanwhile` every few seconds.
    pub(crate) fn ensure_watched(
        &self,
        stack: &Stack,
        given: &Values,
        known: &mut Values,
        meanwhile: &mut dyn FnMut(),
    ) -> Result<Outcome> {
        let boundary = self.access.get_key_value("PermissionsBoundary");
        let mut given = given.clone();
        given.extend(boundary.map(|(name, value)| (name.clone(), value.clone())));
        // For the data stack, an empty host means its own database. Its output passes the host to the other stacks.
        if known.contains_key("DatabaseHost") && given.get("DatabaseHost").is_some_and(String::is_empty) {
            given.remove("DatabaseHost");
        }
        let outcome = stack.deploy(&given, known, self.role(), meanwhile)?;
        let word = match outcome {
            Outcome::Created => "created",
            Outcome::Updated => "updated",
            Outcome::Unchanged => "unchanged",
        };
        say(format!("stack {}: {word}", stack.name));
        known.extend(self.outputs(stack)?);
        Ok(outcome)
    }

    /// Returns the outputs of a stack for other stacks; empty if it does not exist.
    pub(crate) fn outputs(&self, stack: &Stack) -> Result<Values> {
        let mut outputs = stack.outputs()?;
        outputs.retain(|name, _| !OWN.contains(&name.as_str()));
        Ok(outputs)
    }

    /// Returns the outputs of several stacks together.
    pub(crate) fn outputs_of(&self, templates: &[&str]) -> Result<Values> {
        let mut known = Values::new();
        for template in templates {
            known.extend(self.outputs(&self.stack(template))?);
        }
        Ok(known)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn subdomains_belong_to_a_domain() {
        assert!(is_within("example.org", "example.org") && is_within("fib.example.org", "example.org"));
        assert!(!is_within("badexample.org", "example.org") && !is_within("org", "example.org"));
    }

    #[test]
    fn the_names_of_two_systems_do_not_begin_alike() {
        assert_eq!(system_name("fibstack-data").unwrap_err(), "must not end with -data, the name of a stack");
        assert!(system_name("fibstack-ecs").is_ok() && system_name("data").is_ok());
        let folders = [env!("CARGO_MANIFEST_DIR"), concat!(env!("CARGO_MANIFEST_DIR"), "/fargate")];
        let files = folders.into_iter().flat_map(|folder| fs::read_dir(folder).unwrap());
        let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut templates: Vec<_> =
            files.filter_map(|file| Some(file.strip_suffix(".yaml")?.to_owned())).collect();
        templates.sort();
        assert_eq!(templates, STACKS);
    }

    #[test]
    fn a_wrong_name_is_refused() {
        assert_eq!(system_name("my-stack2").as_deref(), Ok("my-stack2"));
        for wrong in ["Fibstack", "a", "2fast", "a--b", "a-", "a_name", "more-than-twenty-characters"] {
            assert!(system_name(wrong).unwrap_err().contains("lowercase letters"), "{wrong}");
        }
    }
}
