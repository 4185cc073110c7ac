//! The tools that a build of the site needs: which, in what version, and where they are.

use std::{
    ffi::OsString,
    fmt, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result};

use crate::project;

/// The newest that this project's Rust compiles.
pub(crate) const CARGO_LEPTOS: &str = "0.3.10";

/// Debian 12 has Binaryen 108: with it the build passes, and the page is dead in the browser.
const OLDEST_BINARYEN: u32 = 116;

/// A program that a build of the site needs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tool {
    CargoLeptos,
    WasmBindgen,
    WasmOpt,
}

impl Tool {
    pub(crate) const ALL: [Self; 3] = [Self::CargoLeptos, Self::WasmBindgen, Self::WasmOpt];

    /// The name of the program.
    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::CargoLeptos => "cargo-leptos",
            Self::WasmBindgen => "wasm-bindgen",
            Self::WasmOpt => "wasm-opt",
        }
    }

    /// The versions that do.
    pub(crate) fn wanted(self) -> Result<Wanted> {
        Ok(match self {
            Self::CargoLeptos => Wanted::Exactly(CARGO_LEPTOS.to_owned()),
            // It refuses what another version of the crate compiled.
            Self::WasmBindgen => Wanted::Exactly(project::locked_version("wasm-bindgen")?),
            Self::WasmOpt => Wanted::AtLeast(OLDEST_BINARYEN),
        })
    }

    /// Where a right one is: on PATH, or in the project's own folder.
    pub(crate) fn find(self) -> Result<Option<PathBuf>> {
        let wanted = self.wanted()?;
        // The project's folder may be on PATH, too. What is in it comes last: it may be a stand-in.
        let own = own_folder();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut on_path = std::env::split_paths(&path).filter(|folder| *folder != own);
        let on_path = on_path.find_map(|folder| Some(folder.join(self.program())).filter(|it| it.is_file()));
        Ok([on_path, Some(own.join(self.program()))]
            .into_iter()
            .flatten()
            .find(|program| version_of(program).is_some_and(|version| wanted.is_met_by(&version))))
    }
}

/// Which versions of a tool do.
#[derive(Debug)]
pub(crate) enum Wanted {
    Exactly(String),
    AtLeast(u32),
}

impl Wanted {
    fn is_met_by(&self, version: &str) -> bool {
        match self {
            Self::Exactly(wanted) => version == wanted,
            Self::AtLeast(wanted) => version
                .split('.')
                .next()
                .and_then(|major| major.parse().ok())
                .is_some_and(|it: u32| it >= *wanted),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(version) => f.write_str(version),
            Self::AtLeast(version) => write!(f, "{version} or later"),
        }
    }
}

/// Where the project's own tools are put.
pub(crate) fn own_folder() -> PathBuf {
    project::tools().join("bin")
}

/// The tools that are not there in a right version.
pub(crate) fn missing() -> Result<Vec<Tool>> {
    let mut missing = Vec::new();
    for tool in Tool::ALL {
        if tool.find()?.is_none() {
            missing.push(tool);
        }
    }
    Ok(missing)
}

/// What `program --version` says, if it runs at all.
fn version_of(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output().ok()?;
    version_in(&String::from_utf8_lossy(&output.stdout))
}

/// `wasm-opt version 132 (version_132)` → `132`, `cargo-leptos 0.3.10` → `0.3.10`
fn version_in(output: &str) -> Option<String> {
    let words = output.split_whitespace();
    words.map(str::to_owned).find(|word| word.starts_with(|first: char| first.is_ascii_digit()))
}

/// The person's own PATH, behind the project's folder: a tool is there if the one on PATH is wrong.
pub(crate) fn path() -> Result<OsString> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(own_folder()).chain(std::env::split_paths(&path));
    std::env::join_paths(all).context("a folder on PATH, or this project's, has a colon in its name")
}

/// Removes what is in the project's folder in a wrong version: it would hide a right one on PATH.
pub(crate) fn discard_outdated() -> Result<()> {
    for tool in Tool::ALL {
        let own = own_folder().join(tool.program());
        let wanted = tool.wanted()?;
        if own.symlink_metadata().is_ok()
            && !version_of(&own).is_some_and(|version| wanted.is_met_by(&version))
        {
            fs::remove_file(&own).with_context(|| format!("remove the outdated {}", own.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_the_tools_say() {
        assert_eq!(version_in("wasm-opt version 132 (version_132)").as_deref(), Some("132"));
        assert_eq!(version_in("wasm-bindgen 0.2.129\n").as_deref(), Some("0.2.129"));
        assert_eq!(version_in("error: no such option"), None);
    }

    #[test]
    fn debian_12s_wasm_opt_is_refused() {
        let wanted = Wanted::AtLeast(OLDEST_BINARYEN);
        assert!(!wanted.is_met_by("108"));
        assert!(wanted.is_met_by("116"));
        assert!(wanted.is_met_by("132"));
        assert!(!wanted.is_met_by("unknown"));
    }

    #[test]
    fn the_bindgen_must_be_exactly_the_locked_one() {
        let wanted = Wanted::Exactly("0.2.129".to_owned());
        assert!(wanted.is_met_by("0.2.129"));
        assert!(!wanted.is_met_by("0.2.1299"));
    }
}
