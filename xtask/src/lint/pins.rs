//! Versions of tools, each of which must be written down in only one place.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::{Context, Result, bail};

use super::files::files;
use crate::project;

/// Fails if two lines pin the same tool, with `==` as for pip or `@` as for cargo and npm.
pub(super) fn check() -> Result<()> {
    let mut pins = BTreeMap::<String, Vec<PathBuf>>::new();
    // Not prose, and not cargo's files, in which `@` is part of package specifications.
    for path in files(&[":!Cargo.*", ":!*.md"])? {
        let content = fs::read(project::root().join(&path))
            .with_context(|| format!("failed to read {}", path.display()))?;
        // Images and other binary files pin nothing.
        let Ok(content) = String::from_utf8(content) else { continue };
        for tool in content.lines().filter_map(pinned) {
            pins.entry(tool.to_owned()).or_default().push(path.clone());
        }
    }
    let repeated = pins.iter().filter(|(_, paths)| paths.len() > 1);
    let repeated: Vec<_> = repeated.map(|(tool, paths)| format!("{tool}: {paths:?}")).collect();
    if repeated.is_empty() { Ok(()) } else { bail!("pinned more than once: {}", repeated.join("; ")) }
}

/// Returns the tool whose version a line pins.
fn pinned(line: &str) -> Option<&str> {
    ["==", "@"].iter().find_map(|separator| {
        let (before, version) = line.split_once(separator)?;
        let is_name = |it: char| it.is_ascii_alphanumeric() || "-_[]".contains(it);
        let tool = &before[before.trim_end_matches(is_name).len()..];
        // An extra of a Python package, as in `name[extra]`, does not make it another tool.
        let tool = tool.split('[').next().unwrap_or_default();
        // Not a comment after the commit of an action.
        let version = version.split_whitespace().next().unwrap_or_default();
        let is_version = version.starts_with(|it: char| it.is_ascii_digit()) && version.contains('.');
        (is_version && tool.starts_with(|it: char| it.is_ascii_lowercase())).then_some(tool)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_tool_is_recognised() {
        assert_eq!(pinned("linter==1.38.0"), Some("linter"));
        assert_eq!(pinned("emulator[full]==1.5"), Some("emulator"));
        assert_eq!(pinned("    tool: cargo-tool@0.8.4"), Some("cargo-tool"));
        assert_eq!(pinned("- uses: actions/checkout@v6"), None);
        assert_eq!(pinned("- uses: docker/login-action@4907a6dd # v4.1.0"), None);
        assert_eq!(pinned("if major == 2.0 {"), None);
        assert_eq!(pinned("image: nginx"), None);
    }
}
