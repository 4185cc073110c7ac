//! `cargo xtask artifacts`: what the images are made of. Static binaries, and a site whose files are compressed
//! once and carry a hash in their names, so that browsers keep them for ever.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{
    folder,
    job::Job,
    progress::say,
    project,
    setup::{self, Toolbox},
    site::{self, Parts, Profile},
    system_packages,
};

const BINARIES: [&str; 2] = ["server", "worker"];

/// Where they are put when nothing else is said.
pub(crate) fn default_folder() -> PathBuf {
    project::target().join("artifacts")
}

/// Builds them into `to`, whose former content goes.
pub(crate) fn build(to: &Path) -> Result<()> {
    system_packages::provide(system_packages::FOR_ARTIFACTS, false)?;
    let target = format!("{}-unknown-linux-musl", env::consts::ARCH);
    setup::rust_target(&target)?;
    let toolbox = Toolbox::get()?;

    say("building the worker");
    // First, since it fails when Cargo.lock is not what it should be. Together with the server, as whose dependency
    // it is compiled anyway: the same features.
    Job::new("worker").run(Toolbox::cargo().args([
        "build",
        "--locked",
        "--release",
        "--no-default-features",
        "--features=server/telemetry,worker/telemetry",
        "--package=server",
        "--package=worker",
        "--bin=worker",
        "--target",
        &target,
    ]))?;
    say("building the site and the server");
    let building = site::build(&toolbox, Profile::Release, Parts::AllFor(&target))?;
    let built = project::target().join(&target).join("release");
    collect(&built, to).with_context(|| format!("put the artifacts into {}", to.display()))?;
    drop(building);
    let binaries = BINARIES.map(|name| to.join(name));
    Job::new("strip").run(Command::new("strip").args(&binaries))?;
    let files = compressible(&to.join("site")).context("list the site's files")?;
    Job::new("brotli").run(Command::new("brotli").args(["--best", "--keep"]).args(files))?;
    say(format!("server, worker and site are in {}", to.display()));
    Ok(())
}

fn collect(built: &Path, to: &Path) -> std::io::Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    // An embedded server's database goes there: it is in the image, so that a volume gets its owner.
    fs::create_dir_all(to.join("data"))?;
    for name in BINARIES.into_iter().chain(["hash.txt"]) {
        fs::copy(built.join(name), to.join(name))?;
    }
    fs::copy(project::root().join("certificates/rds.pem"), to.join("rds.pem"))?;
    folder::copy(&project::site(), &to.join("site"))
}

/// All files but what wasm-bindgen leaves for TypeScript, which is removed.
fn compressible(site: &Path) -> std::io::Result<Vec<PathBuf>> {
    let (mut files, mut folders) = (Vec::new(), vec![site.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "ts") {
                fs::remove_file(path)?;
            } else {
                files.push(path);
            }
        }
    }
    Ok(files)
}
