//! Arguments that several commands have.

use std::ffi::OsString;

use clap::Args;

/// All remaining arguments, which are passed to another program.
#[derive(Args, Clone, Debug)]
pub(crate) struct PassedOn {
    /// Passed on to the program that runs it
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<OsString>,
}

/// Options of all test suites.
#[derive(Args, Debug)]
pub struct Selection {
    /// Run only tests whose names contain this
    pub filter: Option<String>,
    /// Install nothing from the system's packages
    #[arg(long)]
    pub no_setup: bool,
}
