//! The site: the front end compiled to WASM, its JavaScript, the style sheet and the assets, under file names that
//! carry a hash; in a release, with compressed files. `cargo leptos watch` builds its own, without hashes.

use std::{
    fs::{self, File, TryLockError},
    path::Path,
    process::Command,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{
    child::{self, Interrupted},
    folder,
    job::Job,
    progress::{Step, say},
    project, requirements,
};

/// Folder of JavaScript, WASM and CSS inside the site.
const PACKAGE: &str = "pkg";

/// Cargo's profile for the servers; the front end has a profile of its own for releases.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Profile {
    Dev,
    Release,
}

impl Profile {
    /// Path of the profile's output below the target folder.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }

    /// Cargo's profile for the front end, and its folder.
    fn of_wasm(self) -> (&'static str, &'static str) {
        match self {
            Self::Dev => ("dev", "debug"),
            Self::Release => ("wasm-release", "wasm-release"),
        }
    }
}

/// Lock that keeps other commands from replacing the site while it is held.
#[derive(Debug)]
pub(crate) struct Building(#[expect(dead_code, reason = "closing the file releases the lock")] File);

impl Building {
    fn begin() -> Result<Self> {
        let path = project::target().join("site.lock");
        let file = File::create(&path).with_context(|| format!("failed to open {}", path.display()))?;
        let mut waiting = None;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::WouldBlock) if child::is_stopping() => bail!(Interrupted),
                Err(TryLockError::WouldBlock) => {
                    waiting.get_or_insert_with(|| {
                        Step::begin("waiting for another command that is building the site")
                    });
                    thread::sleep(Duration::from_millis(100));
                }
                Err(TryLockError::Error(error)) => {
                    return Err(error).with_context(|| format!("failed to lock {}", path.display()));
                }
            }
        }
    }
}

/// Builds the site into `target/site`, and writes `hash.txt`, which lists the hashes, where that profile's server is.
/// No other command rebuilds it until the result is dropped.
pub(crate) fn build(profile: Profile) -> Result<Building> {
    let wasm = compile(profile)?;
    build_bindgen()?;
    let building = Building::begin()?;
    let site = project::site();
    let package = site.join(PACKAGE);
    if site.exists() {
        fs::remove_dir_all(&site).with_context(|| format!("failed to remove {}", site.display()))?;
    }
    let root = project::root();
    fs::create_dir_all(&package)
        .and_then(|()| fs::copy(root.join("style/main.css"), package.join(format!("{}.css", project::NAME))))
        .and_then(|_| folder::copy(&root.join("style/assets"), &site))
        .with_context(|| format!("failed to copy the style to {}", site.display()))?;
    let mut bindgen = Command::new(project::target().join("debug/bindgen"));
    bindgen.arg(wasm).arg("--out-dir").arg(&package).args(["--out-name", project::NAME, "--hash"]);
    bindgen.arg(project::target().join(profile.folder()).join("hash.txt"));
    if profile == Profile::Release {
        bindgen.arg("--shrink").arg(project::target().join("site-compressed"));
    }
    Job::new("wasm-bindgen").run(&mut bindgen)?;
    say("site built");
    Ok(building)
}

/// Compiles the front end. The command line is cargo-leptos's, so that each finds what the other compiled.
fn compile(profile: Profile) -> Result<std::path::PathBuf> {
    requirements::wasm_target()?;
    let target = project::target().join("front");
    let (name, folder) = profile.of_wasm();
    let mut cargo = project::cargo();
    cargo.args(["build", "--package=frontend", "--lib", "--no-default-features", "--profile", name]);
    cargo.args(["--target=wasm32-unknown-unknown", "--target-dir"]).arg(&target);
    // The user set these for programs on this machine. A linker or processor chosen there cannot make WASM.
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS"] {
        cargo.env_remove(name);
    }
    Job::new("frontend").run(&mut cargo)?;
    say("frontend compiled");
    Ok(target.join("wasm32-unknown-unknown").join(folder).join("frontend.wasm"))
}

/// Compiles our wasm-bindgen with the features of the whole workspace, so that a build by `cargo xtask test` is reused.
pub(crate) fn build_bindgen() -> Result<()> {
    Job::new("wasm-bindgen build").run(project::cargo().args(["build", "--workspace", "--bin=bindgen"]))
}

/// Sets the variables by which a server, or its tests, finds the site in the folder `site`.
pub(crate) fn set_variables<'a>(command: &'a mut Command, site: &Path) -> &'a mut Command {
    command
        .env("LEPTOS_HASH_FILES", "true")
        .env("LEPTOS_OUTPUT_NAME", project::NAME)
        .env("LEPTOS_SITE_ROOT", site)
        .env("LEPTOS_SITE_PKG_DIR", PACKAGE)
        .env_remove("LEPTOS_HASH_FILE_NAME")
        .env_remove("LEPTOS_SITE_ADDR")
        .env_remove("LEPTOS_WATCH")
}
