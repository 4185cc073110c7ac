//! What cannot be set up here: checked before minutes of work, with what to do about it.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{job::Job, progress::say};

/// What browsers run.
const WASM: &str = "wasm32-unknown-unknown";

/// A C compiler, for SQLite and the TLS library.
pub(crate) fn check() -> Result<()> {
    let named = std::env::var("CC").ok().filter(|name| !name.trim().is_empty());
    let candidates = named.as_deref().map_or(vec!["cc", "gcc", "clang"], |name| vec![name]);
    if candidates.iter().any(|candidate| runs(candidate)) {
        return Ok(());
    }
    if let Some(name) = named {
        bail!("the environment says CC={name}, but that does not run.\nCorrect the variable or remove it.");
    }
    bail!(
        "no C compiler (cc, gcc or clang) was found.\n\
         Install one. Debian, Ubuntu: apt-get install gcc libc6-dev. Fedora: dnf install gcc. \
         macOS: xcode-select --install."
    )
}

/// May carry arguments, as in `CC="ccache gcc"`.
fn runs(compiler: &str) -> bool {
    let mut words = compiler.split_whitespace();
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

/// Rust's own library for WASM.
pub(crate) fn wasm_target() -> Result<()> {
    rust_target(WASM)
}

/// Rust's own library for what programs are compiled to.
pub(crate) fn rust_target(target: &str) -> Result<()> {
    if has_rust_target(target)? {
        return Ok(());
    }
    if !runs("rustup") {
        bail!(
            "this Rust cannot compile to {target}, and there is no rustup to teach it.\n\
             Install Rust through rustup (https://rustup.rs), or your system's package with Rust's \
             standard library for {target}."
        );
    }
    say(format!("adding Rust's {target} target"));
    Job::new("rustup target add")
        .within(Duration::from_secs(300))
        .run(Command::new("rustup").args(["target", "add", target]))
        .with_context(|| format!("try it yourself: rustup target add {target}"))
}

fn has_rust_target(target: &str) -> Result<bool> {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", target])
        .stdin(Stdio::null())
        .output()
        .context("rustc does not run")?;
    Ok(output.status.success() && Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_may_carry_arguments() {
        assert!(runs("env cc"));
        assert!(!runs("no-such-compiler --fast"));
        assert!(!runs(""));
    }
}
