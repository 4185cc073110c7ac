//! `cargo xtask db`: the database that the settings name. That of a system on AWS is managed by the crate `deploy`,
//! with the same [scripts](script).

mod access;
mod client;
mod command_line;
mod local;
mod name;
pub mod script;
mod url;

pub(crate) use command_line::{Action, parse, syntax};
pub(crate) use local::run;
pub use name::Name;

/// Returns the password in a `CONNECTION_URL`, if it has one.
pub(crate) fn password_in(url: &str) -> Option<String> {
    url::Parts::parse(url).ok()?.password
}
