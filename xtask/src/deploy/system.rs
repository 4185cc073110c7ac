//! A deployed system: its stacks, by name.

use anyhow::Result;

use crate::{
    aws::{self, Account, Refused},
    cloudformation::{Outcome, Stack, Values},
    progress::say,
};

/// Outputs that say what a stack itself runs, of no use to the next one.
const OWN: [&str; 4] = ["Image", "PreviousImage", "Version", "PreviousVersion"];

/// All that is named alike in one account and region.
pub(crate) struct System {
    pub(crate) name: String,
    pub(crate) account: Account,
    /// What the stack of who may do what tells; nothing if there is none.
    access: Values,
}

impl System {
    /// Finds out who one is on AWS, and says so.
    pub(crate) fn open(name: &str) -> Result<Self> {
        let account = aws::account()?;
        say(format!("{name} on AWS, {account}"));
        // Who deploys may see this stack when it was made for them, and may do all themselves when not.
        let access = match Stack::new(name, "access.yaml").outputs() {
            Err(error) if !Refused::is(&error, "AccessDenied") => return Err(error),
            outputs => outputs.unwrap_or_default(),
        };
        Ok(Self { name: name.to_owned(), account, access })
    }

    /// With what rights CloudFormation works: those of this role, else those of whoever deploys.
    pub(crate) fn role(&self) -> Option<&str> {
        self.access.get("CloudFormationRole").map(String::as_str)
    }

    /// The stack of a template in `deploy/`.
    pub(crate) fn stack(&self, template: &str) -> Stack {
        Stack::new(&self.name, template)
    }

    /// Makes or changes a stack; what it tells others joins `known`, which it may take from.
    pub(crate) fn bring_about(&self, stack: &Stack, given: &Values, known: &mut Values) -> Result<Outcome> {
        self.bring_about_and(stack, given, known, &mut || {})
    }

    /// The same, with something to do every few seconds.
    pub(crate) fn bring_about_and(
        &self,
        stack: &Stack,
        given: &Values,
        known: &mut Values,
        meanwhile: &mut dyn FnMut(),
    ) -> Result<Outcome> {
        let boundary = self.access.get_key_value("PermissionsBoundary");
        let mut given = given.clone();
        given.extend(boundary.map(|(name, value)| (name.clone(), value.clone())));
        // Empty means the data's own to the data, which tells the others which that is.
        if known.contains_key("DatabaseHost") && given.get("DatabaseHost").is_some_and(String::is_empty) {
            given.remove("DatabaseHost");
        }
        let outcome = stack.deploy(&given, known, self.role(), meanwhile)?;
        let outcome_in_words = match outcome {
            Outcome::Created => "made",
            Outcome::Updated => "changed",
            Outcome::Unchanged => "is as it should be",
        };
        say(format!("stack {} {outcome_in_words}", stack.name));
        known.extend(self.told_by(stack)?);
        Ok(outcome)
    }

    /// What a stack tells others; nothing if it is not there.
    pub(crate) fn told_by(&self, stack: &Stack) -> Result<Values> {
        let mut outputs = stack.outputs()?;
        outputs.retain(|name, _| !OWN.contains(&name.as_str()));
        Ok(outputs)
    }

    /// What all of these tell.
    pub(crate) fn told_by_all(&self, templates: &[&str]) -> Result<Values> {
        let mut known = Values::new();
        for template in templates {
            known.extend(self.told_by(&self.stack(template))?);
        }
        Ok(known)
    }
}
