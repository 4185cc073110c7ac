//! A deployed system: its stacks, by name.

use anyhow::Result;
use clap::Args;
use xtask::progress::say;

use crate::{
    aws::{self, Account, Refused},
    cloudformation::{Outcome, Stack, Values},
};

/// Outputs about what a stack itself runs, which must not become parameters of another one.
const OWN: [&str; 4] = ["Image", "PreviousImage", "Version", "PreviousVersion"];

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
        // The stack was made for users who may read it. Others need no role.
        let access = match Stack::new(&name, "access.yaml").outputs() {
            Err(error) if !Refused::is(&error, "AccessDenied") => return Err(error),
            outputs => outputs.unwrap_or_default(),
        };
        Ok(Self { name, account, access })
    }

    /// Role that CloudFormation assumes; without one it has the user's permissions.
    pub(crate) fn role(&self) -> Option<&str> {
        self.access.get("CloudFormationRole").map(String::as_str)
    }

    /// The stack of a template in `deploy/`.
    pub(crate) fn stack(&self, template: &str) -> Stack {
        Stack::new(&self.name, template)
    }

    /// Creates or updates a stack, which may use the values in `known` as parameters, and adds its outputs to them.
    pub(crate) fn ensure(&self, stack: &Stack, given: &Values, known: &mut Values) -> Result<Outcome> {
        self.ensure_watched(stack, given, known, &mut || {})
    }

    /// As [`Self::ensure`], calling `meanwhile` every few seconds.
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
        // For the data stack, an empty host means its own database. Its output then tells the other stacks which.
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
    use super::*;

    #[test]
    fn a_wrong_name_is_refused() {
        assert_eq!(system_name("my-stack2").as_deref(), Ok("my-stack2"));
        for wrong in ["Fibstack", "a", "2fast", "a--b", "a-", "a_name", "more-than-twenty-characters"] {
            assert!(system_name(wrong).unwrap_err().contains("lowercase letters"), "{wrong}");
        }
    }
}
