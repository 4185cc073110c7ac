//! Building the site: always by cargo-leptos. What takes long in it is compiling, which can begin
//! before cargo-leptos is there.

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
    job::Job,
    progress::Step,
    progress::say,
    project,
    setup::Toolbox,
    wasm_opt,
};

/// How a site is built.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Profile {
    Dev,
    Release,
}

impl Profile {
    /// The folder below the target folder.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

/// Which parts of a site.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Parts<'a> {
    All,
    /// All, the server for this Rust target, and with what only images have.
    AllFor(&'a str),
    /// All but the server: WASM, styles, assets.
    Frontend,
}

/// The environment of builds and servers of a site whose files carry a hash in their names, so that
/// browsers may keep them for ever. Not a setting in Cargo.toml: `cargo leptos watch` (0.3.10) writes
/// changed files without the hash, and the page would go on loading the old ones.
pub(crate) fn hashed(command: &mut Command) -> &mut Command {
    command.env("LEPTOS_HASH_FILES", "true")
}

/// Compiles what `cargo leptos build --release` will ask cargo for, with the same command lines, so
/// that it finds everything done. (In 0.3.10 they are made by `build_cargo_front_cmd` and
/// `build_cargo_server_cmd`. Were they to differ one day, time would be lost and nothing else.)
pub(crate) const COMPILE_RELEASE: &[fn() -> Result<()>] = &[compile_frontend, compile_server];

fn compile_frontend() -> Result<()> {
    let target = format!("--target-dir={}", project::target().join("front").display());
    let wasm = ["--target=wasm32-unknown-unknown", "--no-default-features", "--profile=wasm-release"];
    let mut cargo = Toolbox::cargo();
    cargo.args(["build", "--package=frontend", "--lib", &target]).args(wasm);
    Job::new("frontend").run(&mut cargo)?;
    say("frontend compiled");
    Ok(())
}

fn compile_server() -> Result<()> {
    let mut cargo = Toolbox::cargo();
    cargo.args(["build", "--package=server", "--bin=server", "--no-default-features", "--release"]);
    Job::new("server").run(&mut cargo)?;
    say("server compiled");
    Ok(())
}

/// Keeps the other commands in this folder from building the site, as long as it is held: cargo-leptos gives the
/// files their names in several steps, and two of it stumble over each other.
#[derive(Debug)]
pub(crate) struct Building(#[expect(dead_code, reason = "closing it gives the lock back")] File);

impl Building {
    fn begin() -> Result<Self> {
        let path = project::target().join("site.lock");
        fs::create_dir_all(project::target())
            .with_context(|| format!("make {}", project::target().display()))?;
        let file = File::create(&path).with_context(|| format!("open {}", path.display()))?;
        let mut waiting = None;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::WouldBlock) if child::is_stopping() => bail!(Interrupted),
                Err(TryLockError::WouldBlock) => {
                    waiting.get_or_insert_with(|| {
                        Step::begin("waiting for another command that builds the site")
                    });
                    thread::sleep(Duration::from_millis(100));
                }
                Err(TryLockError::Error(error)) => {
                    return Err(error).with_context(|| format!("lock {}", path.display()));
                }
            }
        }
    }
}

/// Builds the site. Nobody else does before the result is dropped.
pub(crate) fn build(toolbox: &Toolbox, profile: Profile, parts: Parts<'_>) -> Result<Building> {
    let building = Building::begin()?;
    let mut leptos = toolbox.cargo_leptos();
    leptos.arg("build");
    if profile == Profile::Release {
        leptos.arg("--release");
    }
    match parts {
        Parts::All => &mut leptos,
        Parts::AllFor(target) => {
            leptos.arg("--bin-features=telemetry").env("LEPTOS_BIN_TARGET_TRIPLE", target)
        }
        Parts::Frontend => leptos.arg("--frontend-only"),
    };
    Job::new("site").run(hashed(&mut leptos))?;
    if profile == Profile::Release && !toolbox.optimises {
        say(wasm_opt::NOTE);
    }
    Ok(building)
}

/// Tells a server where a site is. `bin` is the folder of the server's program, with `hash.txt`.
pub(crate) fn describe_to<'a>(command: &'a mut Command, site: &Path) -> &'a mut Command {
    hashed(command)
        .env("LEPTOS_OUTPUT_NAME", project::NAME)
        .env("LEPTOS_SITE_ROOT", site)
        .env("LEPTOS_SITE_PKG_DIR", "pkg")
        .env_remove("LEPTOS_HASH_FILE_NAME")
        .env_remove("LEPTOS_SITE_ADDR")
        .env_remove("LEPTOS_WATCH")
}
