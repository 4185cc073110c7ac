//! The project's files, as git lists them.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result, bail, ensure};

use crate::project;

/// Fails without git or a repository, as in an unpacked archive, before minutes of other checks.
pub(super) fn check_git() -> Result<()> {
    let files = files(&["Cargo.toml"])
        .context("lint checks the files that git lists, so it needs git and a clone")?;
    ensure!(!files.is_empty(), "git lists no files: {} is not a clone", project::root().display());
    Ok(())
}

/// Returns the files that match git's patterns, relative to the root.
pub(super) fn files(patterns: &[&str]) -> Result<Vec<PathBuf>> {
    let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"];
    listed(Command::new("git").args(list).args(patterns))
}

/// Returns the shell scripts, which are recognised by the line that names their interpreter.
pub(super) fn scripts() -> Result<Vec<PathBuf>> {
    let interpreter = "^#!.*[/ ](ba|da)?sh$";
    listed(Command::new("git").args(["grep", "-lzE", "--untracked", interpreter, "--", ":!*.md"]))
}

fn listed(git: &mut Command) -> Result<Vec<PathBuf>> {
    let output = git.current_dir(project::root()).output().context("failed to run git")?;
    if !output.status.success() {
        bail!("git failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let paths = String::from_utf8_lossy(&output.stdout).into_owned();
    // A deleted file is listed until the deletion is committed.
    let exists = |path: &PathBuf| project::root().join(path).is_file();
    Ok(paths.split('\0').map(PathBuf::from).filter(exists).collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn scripts_are_recognised_with_and_without_an_extension() {
        if !project::root().join(".git").exists() {
            return;
        }
        let scripts = scripts().unwrap();
        for (path, expected) in [(".ci/run", true), ("nginx/start.sh", true), ("README.md", false)] {
            assert_eq!(scripts.iter().any(|it| it == Path::new(path)), expected, "{path}: {scripts:?}");
        }
    }
}
