//! `cargo xtask artifacts`: the content of the images. Static binaries, and a site whose files are compressed and
//! carry a hash in their names, so that browsers cache them forever.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{
    folder,
    job::{self, Job},
    progress::say,
    project, requirements,
    site::{self, Profile},
    system_packages,
};

const BINARIES: [&str; 2] = ["server", "worker"];

/// Default output folder.
pub(crate) fn default_folder() -> PathBuf {
    project::target().join("artifacts")
}

/// Builds the artifacts into `to`, replacing its content.
pub(crate) fn build(to: &Path) -> Result<()> {
    system_packages::provide(system_packages::FOR_ARTIFACTS, false)?;
    let target = format!("{}-unknown-linux-musl", env::consts::ARCH);
    requirements::rust_target(&target)?;

    say("compiling the server, the worker and the site");
    let binaries = || {
        Job::new("server and worker").run(project::cargo().args([
            "build",
            "--locked",
            "--release",
            "--no-default-features",
            "--features=server/telemetry,worker/telemetry",
            "--package=server",
            "--package=worker",
            "--bins",
            "--target",
            &target,
        ]))
    };
    let building = job::both(binaries, || site::build(Profile::Release))?;
    collect(&target, to).with_context(|| format!("failed to collect the artifacts in {}", to.display()))?;
    drop(building);
    let binaries = BINARIES.map(|name| to.join(name));
    Job::new("strip").run(Command::new("strip").args(&binaries))?;
    say(format!("server, worker and site are in {}", to.display()));
    Ok(())
}

fn collect(target: &str, to: &Path) -> std::io::Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    // For an embedded server's database. It is in the image so that a volume inherits its owner.
    fs::create_dir_all(to.join("data"))?;
    for name in BINARIES {
        fs::copy(project::target().join(target).join("release").join(name), to.join(name))?;
    }
    fs::copy(project::target().join("release/hash.txt"), to.join("hash.txt"))?;
    fs::copy(project::root().join("certificates/rds.pem"), to.join("rds.pem"))?;
    folder::copy(&project::site(), &to.join("site"))
}
