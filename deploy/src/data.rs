//! Postgres and Redis, which both targets use: `deploy/data.yaml`.

use anyhow::Result;
use xtask::progress::say;

use crate::{cloudformation::Values, network, options::Options, system::System};

pub(crate) const TEMPLATE: &str = "data.yaml";

/// Creates or updates the stack and returns its outputs. The first time, it goes into the requested network.
pub(crate) fn ensure(system: &System, options: &Options, given: &Values) -> Result<Values> {
    let stack = system.stack(TEMPLATE);
    let mut known = Values::new();
    if stack.parameters()?.is_empty() {
        say("first deployment: AWS needs about ten minutes to create Postgres and Redis");
        known = network::find(options)?;
    }
    system.ensure(&stack, given, &mut known)?;
    Ok(known)
}
