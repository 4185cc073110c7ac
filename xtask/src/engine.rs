//! The container engine.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::project;

const HOW: &str = "\
Install or start Docker with its plugins Compose v2 and buildx (https://docs.docker.com/engine/install). \
An ordinary user must be in the group docker. On Debian: apt-get install docker-compose docker-buildx.";

/// `docker`, in the root.
#[must_use]
pub fn docker() -> Command {
    let mut command = Command::new("docker");
    command.current_dir(project::root());
    command
}

/// Fails if the engine is not responding, or its plugins are missing or too old.
///
/// # Errors
/// The engine or a plugin is not usable.
pub fn check() -> Result<()> {
    match answer(&["version", "--format", "{{.Server.Version}}"]) {
        Ok(_) => {}
        Err(error) => bail!("this needs a container engine, but none is responding: {error}\n{HOW}"),
    }
    let compose = answer(&["compose", "version", "--short"]);
    if !compose.as_deref().is_ok_and(is_enough) {
        let installed = compose.as_deref().unwrap_or("none");
        bail!("this needs Docker Compose 2.20 or later; installed: {installed}.\n{HOW}");
    }
    if answer(&["buildx", "version"]).is_err() {
        bail!("Docker's plugin buildx, which builds the images, is not installed.\n{HOW}");
    }
    Ok(())
}

/// Returns docker's output.
///
/// # Errors
/// The message of docker, if it fails.
pub fn answer(arguments: &[&str]) -> Result<String, String> {
    let output = docker().args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("docker cannot be run: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// The Compose files use `include`, which was added in 2.20.
fn is_enough(version: &str) -> bool {
    let mut numbers = version.trim_start_matches('v').split(['.', '-', '+']).map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else { return false };
    (major, minor) >= (2, 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_composes_are_refused() {
        for (version, enough) in [
            ("2.26.1-4", true),
            ("v2.20.0", true),
            ("5.0.1", true),
            ("2.19.1", false),
            ("1.29.2", false),
            ("", false),
        ] {
            assert_eq!(is_enough(version), enough, "{version}");
        }
    }
}
