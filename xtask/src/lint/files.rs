//! The project's files, as git lists them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::project;

/// Returns the files that match git's patterns, relative to the root.
pub(super) fn files(patterns: &[&str]) -> Result<Vec<PathBuf>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"])
        .args(patterns)
        .current_dir(project::root())
        .output()
        .context("failed to run git")?;
    if !output.status.success() {
        bail!("git ls-files failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    // A deleted file is listed until the deletion is committed.
    let exists = |path: &PathBuf| project::root().join(path).is_file();
    Ok(listed.split('\0').map(PathBuf::from).filter(exists).collect())
}

/// Returns the shell scripts, which are recognised by name or first line.
pub(super) fn scripts() -> Result<Vec<PathBuf>> {
    Ok(files(&[])?.into_iter().filter(|path| is_script(&project::root().join(path))).collect())
}

fn is_script(path: &Path) -> bool {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("sh" | "bash") => true,
        Some(_) => false,
        None => fs::read(path).is_ok_and(|content| has_shell_line(&content)),
    }
}

fn has_shell_line(content: &[u8]) -> bool {
    let first = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let first = String::from_utf8_lossy(first);
    first.starts_with("#!") && ["sh", "bash", "dash"].iter().any(|shell| first.trim_end().ends_with(shell))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_recognised_by_their_first_line() {
        assert!(has_shell_line(b"#!/usr/bin/env bash\nset -e\n"));
        assert!(has_shell_line(b"#!/bin/sh"));
        assert!(!has_shell_line(b"#!/usr/bin/env python3\n"));
        assert!(!has_shell_line(b"MIT License\n"));
    }
}
