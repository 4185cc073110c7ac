//! `cargo xtask db`: the database that the settings name. The crate `deploy` manages that of a system on AWS with the
//! same [actions](action).

mod access;
pub mod action;
mod client;
mod local;
pub mod script;
mod url;

pub(crate) use local::{Arguments, run};

/// Returns the password in a `CONNECTION_URL`, if it has one.
pub(crate) fn password_in(url: &str) -> Option<String> {
    url::Parts::parse(url).ok()?.password
}
