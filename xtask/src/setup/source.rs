//! Tools from crates.io's source: slow, but works where nothing but crates.io answers.

use std::{fs, process::Command};

use anyhow::{Context, Result};

use super::plain;
use crate::{
    job::Job,
    progress::say,
    project,
    tools::{self, Tool},
};

/// Compiles tools of `xtask/site-tools`, together and in one go, so that what they share is compiled
/// once. See there for what is left out of them.
pub(crate) fn install(wanted: &[Tool]) -> Result<()> {
    let names = wanted.iter().map(|tool| tool.program()).collect::<Vec<_>>();
    say(format!("compiling {} from crates.io, while the app is compiled too", names.join(" and ")));
    let build = project::tools().join("build");
    let mut cargo = plain("cargo".as_ref());
    cargo
        .args(["build", "--locked", "--manifest-path", "xtask/site-tools/Cargo.toml", "--features"])
        .arg(names.join(","))
        .arg("--target-dir")
        .arg(&build)
        // Meant for the app, not for its tools.
        .env("RUSTFLAGS", "");
    Job::new("tools").run(&mut cargo)?;
    for name in &names {
        let (from, to) = (build.join("debug").join(name), tools::own_folder().join(name));
        fs::rename(&from, &to).with_context(|| format!("move {} to {}", from.display(), to.display()))?;
    }
    // A gigabyte that nobody needs any more.
    let _ = fs::remove_dir_all(&build);
    say(format!("{} compiled", names.join(" and ")));
    Ok(())
}

/// Compiles Binaryen: fourteen minutes of computing time.
pub(crate) fn install_wasm_opt() -> Result<()> {
    say("compiling wasm-opt from crates.io: 7 minutes on two cores");
    let mut cargo = Command::new("cargo");
    cargo
        .args(["install", "--locked", "--force", "wasm-opt@0.116.1", "--root"])
        .arg(project::tools())
        .current_dir(project::tools())
        .env("RUSTFLAGS", "");
    Job::new("wasm-opt").run(&mut cargo)
}
