//! The container engine: whether there is one, and commands to it.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::project;

const HOW: &str = "\
Install Docker with Compose v2 (https://docs.docker.com/engine/install), or start it; an ordinary user \
has to be in the group docker.";

/// `docker`, in the root.
#[must_use]
pub fn docker() -> Command {
    let mut command = Command::new("docker");
    command.current_dir(project::root());
    command
}

/// Fails if no engine answers, or it has no Compose v2.
///
/// # Errors
/// Says what is missing.
pub fn check() -> Result<()> {
    match docker().args(["version", "--format", "{{.Server.Version}}"]).stdin(Stdio::null()).output() {
        Err(error) => bail!("this needs a container engine, and docker does not run: {error}.\n{HOW}"),
        Ok(output) if !output.status.success() => {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            bail!("this needs a container engine, and none answers: {said}\n{HOW}")
        }
        Ok(_) => {}
    }
    let compose = docker().args(["compose", "version", "--short"]).stdin(Stdio::null()).output();
    let version = compose.ok().filter(|output| output.status.success());
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    if !version.as_deref().is_some_and(is_enough) {
        bail!(
            "this needs Docker Compose 2.20 or later, and here is {}.\n{HOW}",
            version.as_deref().unwrap_or("none")
        );
    }
    Ok(())
}

/// `include` came with 2.20.
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
