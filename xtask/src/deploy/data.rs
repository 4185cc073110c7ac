//! What both targets live on: Postgres and Redis, `deploy/data.yaml`.

use anyhow::Result;

use super::{Options, System, network};
use crate::{cloudformation::Values, progress::say};

pub(crate) const TEMPLATE: &str = "data.yaml";

/// Brings it about, the first time in the network that is asked for, and gives what it tells.
pub(super) fn bring_about(system: &System, options: &Options, given: &Values) -> Result<Values> {
    let stack = system.stack(TEMPLATE);
    let mut known = Values::new();
    if stack.parameters()?.is_empty() {
        say("the first time, Postgres and Redis take AWS about ten minutes");
        known = network::find(options)?;
    }
    system.bring_about(&stack, given, &mut known)?;
    Ok(known)
}
