//! Commands that concern AWS or a registry. The crate `deploy` implements them, so that neither this program nor a
//! copy of the project without AWS has to compile it.

use std::{env, ffi::OsString, os::unix::process::CommandExt, process::Stdio};

use anyhow::{Context, Result, bail};
use throwaway::process::find_program;

use crate::{dotenv, progress::say, project};

/// Replaces this process by `cargo run -p deploy`, with the same arguments.
pub(crate) fn deploy() -> Result<()> {
    if !is_present() {
        bail!("AWS support was removed from this copy of the project: it has no folder `deploy`");
    }
    let error = project::cargo().args(["run", "--package=deploy", "--"]).args(env::args_os().skip(1)).exec();
    Err(error).context("failed to run cargo")
}

/// Returns the addresses of a system's databases on AWS as environment variables; none without the AWS CLI or access.
pub(crate) fn addresses(system: &str) -> Vec<(String, String)> {
    if !is_present() || find_program("aws", &[]).is_none() {
        return Vec::new();
    }
    let mut cargo = project::cargo();
    cargo.args(["run", "--quiet", "--package=deploy", "--", "addresses", "--system", system]);
    // Compiler output and errors stay visible.
    let output = cargo.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let lines = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let addresses: Vec<_> = lines.lines().filter_map(dotenv::line).collect();
    say(match addresses.len() {
        0 => format!("found no addresses of {system} on AWS"),
        _ => format!("using the addresses, but not the passwords, of {system} on AWS"),
    });
    addresses
}

/// Returns true if this copy of the project has the crate.
fn is_present() -> bool {
    project::root().join("deploy/Cargo.toml").exists()
}

/// Returns true for `db … --deployed`. That has other options than the same action on a local database, so its line
/// must not be parsed here.
pub(crate) fn is_about_deployed_database(arguments: impl IntoIterator<Item = OsString>) -> bool {
    let mut arguments = arguments.into_iter();
    arguments.next().is_some_and(|command| command == "db") && arguments.any(|it| it == "--deployed")
}
