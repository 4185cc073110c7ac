//! Folders of this project, and commands that run in its root.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// Name of the site's JavaScript, WASM and CSS files; `name` in the root Cargo.toml's metadata for cargo-leptos.
pub(crate) const NAME: &str = "fibstack";

/// Root folder of the workspace.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Folder of the tools and logs of `cargo xtask`. Ignored by git; safe to delete.
#[must_use]
pub fn tools() -> PathBuf {
    root().join(".tools")
}

/// Folder of the embedded system's data. Ignored by git.
pub(crate) fn data() -> PathBuf {
    root().join(".data")
}

/// Folder of the built site; `site-root` in the root Cargo.toml.
pub(crate) fn site() -> PathBuf {
    root().join("target/site")
}

/// Cargo's target folder, which the user may have configured: this program is in `<target>/debug`.
#[must_use]
pub fn target() -> PathBuf {
    env::current_exe()
        .ok()
        .and_then(|program| program.parent()?.parent().map(Path::to_owned))
        .unwrap_or_else(|| root().join("target"))
}

/// Returns the value of an environment variable, unless it is blank: Compose and CI pass unset variables as empty ones.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// `cargo`, in the root.
#[must_use]
pub fn cargo() -> Command {
    command(Path::new("cargo"))
}

/// A command in the root, without the variables that cargo set for this program: crates whose build scripts read
/// them would be compiled again.
pub(crate) fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command.current_dir(root());
    command
}
