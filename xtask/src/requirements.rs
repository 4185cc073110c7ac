//! Requirements of builds besides Rust: a C compiler, and Rust's standard library for other targets.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{job::Job, progress::say};

/// Target of the front end.
const WASM: &str = "wasm32-unknown-unknown";

/// Fails if there is no C compiler, which SQLite and the TLS library need.
pub(crate) fn check() -> Result<()> {
    let named = std::env::var("CC").ok().filter(|name| !name.trim().is_empty());
    let candidates = named.as_deref().map_or(vec!["cc", "gcc", "clang"], |name| vec![name]);
    if candidates.iter().any(|candidate| runs(candidate)) {
        return Ok(());
    }
    if let Some(name) = named {
        bail!("the variable CC is set to {name}, which does not run.\nCorrect or unset it.");
    }
    bail!(
        "no C compiler (cc, gcc or clang) was found.\n\
         Install one. Debian, Ubuntu: apt-get install gcc libc6-dev. Fedora: dnf install gcc. \
         macOS: xcode-select --install."
    )
}

/// Returns true if a program runs. It may have arguments, as in `CC="ccache gcc"`.
pub(crate) fn runs(program: &str) -> bool {
    let mut words = program.split_whitespace();
    let Some(program) = words.next() else { return false };
    Command::new(program)
        .args(words)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Installs Rust's standard library for WASM if necessary.
///
/// rust-toolchain.toml does not list the target: rustup would update the compiler to add it.
pub(crate) fn wasm_target() -> Result<()> {
    rust_target(WASM)
}

/// Installs Rust's standard library for `target` if necessary.
pub(crate) fn rust_target(target: &str) -> Result<()> {
    if has_rust_target(target)? {
        return Ok(());
    }
    if !runs("rustup") {
        bail!(
            "Rust's standard library for {target} is not installed, and there is no rustup to install it.\n\
             Install Rust through rustup (https://rustup.rs), or your system's package with Rust's \
             standard library for {target}."
        );
    }
    say(format!("adding Rust's {target} target"));
    Job::new("rustup target add")
        .within(Duration::from_secs(300))
        .run(Command::new("rustup").args(["target", "add", target]))
        .with_context(|| format!("run it by hand: rustup target add {target}"))
}

fn has_rust_target(target: &str) -> Result<bool> {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", target])
        .stdin(Stdio::null())
        .output()
        .context("failed to run rustc")?;
    Ok(output.status.success() && Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_may_have_arguments() {
        assert!(runs("env cc"));
        assert!(!runs("no-such-compiler --fast"));
        assert!(!runs(""));
    }
}
