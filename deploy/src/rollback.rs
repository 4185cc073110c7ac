//! `cargo xtask deploy … --rollback`: back to the previous deployment. A second rollback rolls forward again.

use anyhow::{Result, bail};
use xtask::{images::Part, progress::say};

use crate::{
    beanstalk,
    cloudformation::{Stack, Values},
    data, fargate,
    services::{selected, template},
    system::System,
};

/// Rolls parts on Fargate back to their previous images.
pub(crate) fn fargate(system: &System, only: &[Part]) -> Result<()> {
    let mut known = system.outputs_of(&[data::TEMPLATE, fargate::DOMAIN, fargate::BASE])?;
    let mut count = 0;
    for part in selected(only) {
        let Some(given) = swapped(&system.stack(template(part)), "Image", "PreviousImage")? else {
            say(format!("{part}: no previous image"));
            continue;
        };
        say(format!("{part}: rolling back to {}", given["Image"]));
        fargate::deploy_part(system, part, &given, &mut known)?;
        count += 1;
    }
    if count == 0 {
        bail!("there is no previous deployment to roll back to");
    }
    if fargate::reports_pause(system)? {
        return Ok(());
    }
    fargate::test(system, &known)
}

/// Rolls the Beanstalk environment back to its previous version.
pub(crate) fn beanstalk(system: &System) -> Result<()> {
    let stack = system.stack(beanstalk::TEMPLATE);
    let Some(given) = swapped(&stack, "Version", "PreviousVersion")? else {
        bail!("there is no previous deployment to roll back to")
    };
    say(format!("rolling back to version {}", given["Version"]));
    beanstalk::run_version(system, &given, &mut Values::new())
}

/// Returns the current and the previous value of a stack's parameters, swapped; `None` if there is no previous value.
fn swapped(stack: &Stack, current: &str, previous: &str) -> Result<Option<Values>> {
    let mut parameters = stack.parameters()?;
    let mut take = |name: &str| parameters.remove(name).filter(|value| !value.is_empty());
    let (Some(now), Some(before)) = (take(current), take(previous)) else { return Ok(None) };
    Ok(Some([(current.to_owned(), before), (previous.to_owned(), now)].into()))
}
