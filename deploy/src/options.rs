//! Options of `cargo xtask deploy` that both targets have.

use anyhow::Result;
use clap::{Args, ValueEnum};
use xtask::images::Names;

use crate::{cloudformation::Values, images::REPOSITORIES, parameters, system::SystemName};

/// Options of both targets. Without an action, it deploys.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) system: SystemName,
    /// The images $IMAGE_PREFIX…:$IMAGE_TAG are in the registry: build nothing
    #[arg(long)]
    pub(crate) pushed: bool,
    /// Compile on this machine (needs musl-tools), not in the build
    #[arg(long, conflicts_with = "pushed")]
    pub(crate) here: bool,
    /// Set a template parameter, permanently: DatabaseClass=db.t4g.small
    #[arg(long, value_name = "NAME=VALUE", value_parser = parameter, conflicts_with = "action")]
    set: Vec<(String, String)>,
    /// Accept only visitors from these addresses, such as 192.0.2.7/32; 0.0.0.0/0 accepts all
    #[arg(long, value_name = "CIDR", conflicts_with = "action")]
    allow_from: Option<String>,
    /// First deployment: VPC to use instead of the default one
    #[arg(long, value_name = "ID")]
    pub(crate) vpc: Option<String>,
    /// First deployment: public subnets in two availability zones [default: all of the VPC]
    #[arg(long, value_name = "ID,ID")]
    pub(crate) subnets: Option<String>,
    /// Roll back to the previous deployment; run again to roll forward
    #[arg(long, group = "action")]
    rollback: bool,
    /// Show the state of everything, with the latest events
    #[arg(long, group = "action")]
    status: bool,
    /// Show the last 100 lines of each log, or all of them
    #[arg(
        long, group = "action", value_name = "all",
        num_args = 0..=1, default_missing_value = "last", hide_possible_values = true
    )]
    logs: Option<Amount>,
    /// Delete everything except Postgres and Redis
    #[arg(long, group = "action")]
    destroy: bool,
    /// Also delete Postgres and Redis, keeping a final database snapshot
    #[arg(long, requires = "destroy")]
    delete_data: bool,
    /// Do not ask for confirmation
    #[arg(long, requires = "destroy")]
    yes: bool,
}

/// Amount of a log to show.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Amount {
    /// The last 100 lines.
    Last,
    /// Everything.
    All,
}

/// Action on a deployment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    Deploy,
    Rollback,
    Status,
    Logs(Amount),
    Destroy { data: bool, yes: bool },
}

impl Options {
    pub(crate) fn action(&self) -> Action {
        match self.logs {
            Some(amount) => Action::Logs(amount),
            None if self.rollback => Action::Rollback,
            None if self.status => Action::Status,
            None if self.destroy => Action::Destroy { data: self.delete_data, yes: self.yes },
            None => Action::Deploy,
        }
    }

    /// Template parameters that the user set.
    pub(crate) fn parameters(&self) -> Values {
        let system = ("System".to_owned(), self.system.system.clone());
        let from = self.allow_from.clone().map(|from| ("AllowFrom".to_owned(), from));
        self.set.iter().cloned().chain([system]).chain(from).collect()
    }

    /// Fails if one of these templates would not accept what the user set.
    pub(crate) fn check(&self, templates: &[&str], given: &Values) -> Result<()> {
        // The deployment does not touch the repositories if the images are elsewhere, or pushed already.
        let repositories = (!self.pushed && Names::prefix().is_none()).then_some(REPOSITORIES);
        let templates: Vec<_> = templates.iter().copied().chain(repositories).collect();
        parameters::check(&templates, &self.set, given)
    }
}

fn parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && name.chars().all(|it| it.is_ascii_alphanumeric()) => {
            Ok((name.to_owned(), value.to_owned()))
        }
        _ => Err("expected NAME=VALUE, such as WorkerMaxCount=8".to_owned()),
    }
}
