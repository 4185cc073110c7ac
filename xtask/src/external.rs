//! Commands that concern AWS or a registry. The crate `deploy` implements them, so that neither this program nor a
//! copy of the project without AWS has to compile it.

use std::{ffi::OsString, os::unix::process::CommandExt};

use anyhow::{Context, Result, bail};

use crate::project;

/// Replaces this process by `cargo run -p deploy`, with the same arguments.
pub(crate) fn deploy(arguments: &[OsString]) -> Result<()> {
    if !is_present() {
        bail!("AWS support was removed from this copy of the project: it has no folder `deploy`");
    }
    let error = project::cargo().args(["run", "--package=deploy", "--"]).args(arguments).exec();
    Err(error).context("failed to run cargo")
}

/// Returns true if this copy of the project has the crate.
pub(crate) fn is_present() -> bool {
    project::root().join("deploy/Cargo.toml").exists()
}

/// Returns true if the crate `deploy` implements the command with these arguments.
pub(crate) fn implements(arguments: &[OsString]) -> bool {
    let words: Vec<_> = arguments.iter().filter_map(|argument| argument.to_str()).collect();
    match words.as_slice() {
        ["deploy" | "connect", ..] | ["images", "push" | "login" | "mirror", ..] | ["test", "deploy", ..] => {
            true
        }
        ["db", rest @ ..] => rest.contains(&"--deployed"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn implements_line(line: &str) -> bool {
        implements(&line.split(' ').map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn commands_about_aws_and_registries_are_handed_over() {
        for line in [
            "deploy fargate --rollback",
            "deploy --help",
            "connect server",
            "images push",
            "images mirror nginx",
            "test deploy fargate",
            "db check --deployed --system second",
        ] {
            assert!(implements_line(line), "{line}");
        }
    }

    #[test]
    fn everything_else_stays_here() {
        for line in
            ["images build --here", "test containers", "test", "db check", "env check", "stack up dev"]
        {
            assert!(!implements_line(line), "{line}");
        }
    }
}
