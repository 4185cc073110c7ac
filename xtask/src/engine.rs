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
    match docker().args(["version", "--format", "{{.Server.Version}}"]).stdin(Stdio::null()).output() {
        Err(error) => bail!("this needs a container engine, but docker cannot be run: {error}.\n{HOW}"),
        Ok(output) if !output.status.success() => {
            let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            bail!("this needs a container engine, but none is responding: {message}\n{HOW}")
        }
        Ok(_) => {}
    }
    let compose = docker().args(["compose", "version", "--short"]).stdin(Stdio::null()).output();
    let version = compose.ok().filter(|output| output.status.success());
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    if !version.as_deref().is_some_and(is_enough) {
        bail!(
            "this needs Docker Compose 2.20 or later; installed: {}.\n{HOW}",
            version.as_deref().unwrap_or("none")
        );
    }
    let buildx = docker().args(["buildx", "version"]).stdin(Stdio::null()).output();
    if !buildx.is_ok_and(|output| output.status.success()) {
        bail!("Docker's plugin buildx, which builds the images, is not installed.\n{HOW}");
    }
    Ok(())
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
