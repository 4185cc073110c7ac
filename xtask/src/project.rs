//! Where things are in this project, and what its files say about versions.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// The name that cargo-leptos gives the site's files; `output-name` in the root Cargo.toml.
pub(crate) const NAME: &str = "fibstack";

/// The workspace's root folder.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// What `cargo xtask` installs for this project alone. Not in git; safe to delete.
#[must_use]
pub fn tools() -> PathBuf {
    root().join(".tools")
}

/// The embedded system's data. Not in git.
pub(crate) fn data() -> PathBuf {
    root().join(".data")
}

/// Pages' assets, as cargo-leptos puts them together; `site-root` in the root Cargo.toml.
pub(crate) fn site() -> PathBuf {
    root().join("target/site")
}

/// Cargo's target folder, wherever the person's settings put it: this program is in `<target>/debug`.
#[must_use]
pub fn target() -> PathBuf {
    env::current_exe()
        .ok()
        .and_then(|program| program.parent()?.parent().map(Path::to_owned))
        .unwrap_or_else(|| root().join("target"))
}

/// The version of `package` in the workspace's Cargo.lock.
pub(crate) fn locked_version(package: &str) -> Result<String> {
    let path = root().join("Cargo.lock");
    let lock = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    version_in(&lock, package).with_context(|| format!("{} has no {package}", path.display()))
}

/// Cargo.lock lists a package as `name = "…"` followed by `version = "…"`.
fn version_in(lock: &str, package: &str) -> Option<String> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name).skip(1);
    Some(lines.next()?.strip_prefix("version = \"")?.strip_suffix('"')?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"
[[package]]
name = "wasm-bindgen-shared"
version = "0.2.130"

[[package]]
name = "wasm-bindgen"
version = "0.2.129"
dependencies = [
 "cfg-if",
]
"#;

    #[test]
    fn a_package_is_found_by_its_whole_name() {
        assert_eq!(version_in(LOCK, "wasm-bindgen").as_deref(), Some("0.2.129"));
        assert_eq!(version_in(LOCK, "wasm-bind"), None);
    }

    #[test]
    fn the_site_tools_are_pinned_to_the_versions_that_the_project_uses() {
        let manifest = fs::read_to_string(root().join("xtask/site-tools/Cargo.toml")).unwrap();
        let bindgen = locked_version("wasm-bindgen").unwrap();
        let pinned = format!("wasm-bindgen-cli-support = {{ version = \"={bindgen}\"");
        assert!(manifest.contains(&pinned), "{manifest}");
        let program = fs::read_to_string(root().join("xtask/site-tools/src/wasm_bindgen.rs")).unwrap();
        assert!(program.contains(&format!("version = \"{bindgen}\"")), "{program}");
        let leptos = crate::tools::CARGO_LEPTOS;
        assert!(manifest.contains(&format!("cargo-leptos = {{ version = \"={leptos}\"")), "{manifest}");
    }

    #[test]
    fn the_images_are_built_with_the_versions_that_the_project_uses() {
        let dockerfile = fs::read_to_string(root().join("Dockerfile")).unwrap();
        let bindgen = locked_version("wasm-bindgen").unwrap();
        for (name, version) in
            [("CARGO_LEPTOS_VERSION", crate::tools::CARGO_LEPTOS), ("WASM_BINDGEN_VERSION", &bindgen)]
        {
            assert!(
                dockerfile.lines().any(|line| line == format!("ARG {name}={version}")),
                "{name}: {version}"
            );
        }
    }
}
