//! Gets the tools that are missing: prebuilt where that works, else from crates.io's source, and
//! always into the project's own folder.

mod prebuilt;
mod requirements;
mod source;

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
    thread,
};

use anyhow::{Context, Error, Result, bail};

pub(crate) use requirements::{check as check_requirements, rust_target, wasm_target};

use crate::{
    child,
    progress::say,
    project,
    tools::{self, Tool},
    wasm_opt,
};

/// The tools, ready for use.
#[derive(Debug)]
pub struct Toolbox {
    cargo_leptos: PathBuf,
    path: OsString,
    /// Whether there is a wasm-opt, or only its stand-in.
    pub(crate) optimises: bool,
}

impl Toolbox {
    /// The one that is there, if it is complete. Of the three tools only wasm-opt may be missing.
    pub(crate) fn open() -> Result<Option<Self>> {
        let (Some(cargo_leptos), Some(_)) = (Tool::CargoLeptos.find()?, Tool::WasmBindgen.find()?) else {
            return Ok(None);
        };
        let optimises = Tool::WasmOpt.find()?.is_some();
        if optimises {
            wasm_opt::withdraw()?;
        } else {
            wasm_opt::provide()?;
        }
        Ok(Some(Self { cargo_leptos, path: tools::path()?, optimises }))
    }

    /// The one that is there, or else one that is set up now.
    pub(crate) fn get() -> Result<Self> {
        match Self::open()? {
            Some(toolbox) => Ok(toolbox),
            None => {
                check_requirements()?;
                run(&[])
            }
        }
    }

    /// `cargo leptos`, in the root, with these tools on its PATH.
    pub(crate) fn cargo_leptos(&self) -> Command {
        let mut command = plain(&self.cargo_leptos);
        command.arg("leptos").env("PATH", &self.path);
        command
    }

    /// `cargo`, exactly as `cargo leptos` calls it: what one compiled, the other finds done.
    #[must_use]
    pub fn cargo() -> Command {
        plain(Path::new("cargo"))
    }
}

/// A command in the root, without what cargo told this program about itself: the crates whose build
/// looks at such a variable would be compiled again.
fn plain(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command.current_dir(project::root());
    command
}

/// Installs what is missing, and does `meanwhile` what does not need it: two jobs at a time, in this order,
/// so that the cores have work to the end.
pub(crate) fn run(meanwhile: &[fn() -> Result<()>]) -> Result<Toolbox> {
    wasm_target()?;
    tools::discard_outdated()?;
    let missing = tools::missing()?;
    for tool in &missing {
        say(format!("{} {} is missing", tool.program(), tool.wanted()?));
    }
    let folder = tools::own_folder();
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let (needed, nice): (Vec<Tool>, Vec<Tool>) = missing.into_iter().partition(|tool| *tool != Tool::WasmOpt);

    let installing = || install(&needed);
    let mut jobs: Vec<&(dyn Fn() -> Result<()> + Sync)> = vec![&installing];
    jobs.extend(meanwhile.iter().map(|job| job as &(dyn Fn() -> _ + Sync)));
    let jobs = Mutex::new(jobs.into_iter());
    let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).next();
    let lane = || {
        while let Some(job) = next() {
            job()?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let steps = [
            scope.spawn(|| stopping_the_others(lane)),
            scope.spawn(|| stopping_the_others(lane)),
            // Best effort: a build can do without.
            scope.spawn(|| {
                for tool in &nice {
                    prebuilt::install(*tool)?;
                }
                Ok(())
            }),
        ];
        let results = steps.map(|step| step.join().unwrap_or_else(|_| bail!("a set-up step panicked")));
        first_cause(results)
    })?;
    Toolbox::open()?.context("the tools were installed, but do not say the versions they should have")
}

/// The others run for minutes: no use in waiting for them.
fn stopping_the_others(step: impl FnOnce() -> Result<()>) -> Result<()> {
    step().inspect_err(|_| child::stop_all())
}

/// Of several results the error that made the others stop.
fn first_cause(results: impl IntoIterator<Item = Result<()>>) -> Result<()> {
    let (stopped, failed): (Vec<_>, Vec<_>) =
        results.into_iter().filter_map(Result::err).partition(Error::is::<child::Interrupted>);
    failed.into_iter().chain(stopped).next().map_or(Ok(()), Err)
}

fn install(needed: &[Tool]) -> Result<()> {
    let mut left = Vec::new();
    for tool in needed {
        if !prebuilt::install(*tool)? {
            left.push(*tool);
        }
    }
    if left.is_empty() { Ok(()) } else { source::install(&left) }
}

/// `cargo xtask setup`: the tools alone, wasm-opt from source if that was asked for.
pub(crate) fn only(with_wasm_opt: bool) -> Result<()> {
    check_requirements()?;
    let toolbox = run(&[])?;
    if with_wasm_opt && !toolbox.optimises {
        source::install_wasm_opt()?;
    } else if !toolbox.optimises {
        say(wasm_opt::NOTE);
    }
    for tool in Tool::ALL {
        if let Some(path) = tool.find()? {
            say(format!("{}: {}", tool.program(), path.display()));
        }
    }
    Ok(())
}

/// `cargo xtask leptos …`: `cargo leptos …` with the project's tools on PATH.
pub(crate) fn leptos(arguments: &[OsString]) -> Result<()> {
    let mut command = Toolbox::get()?.cargo_leptos();
    let status = child::Child::start("cargo leptos", command.args(arguments))?.wait(None)?;
    if status.success() { Ok(()) } else { bail!("cargo leptos failed ({status})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_reported_rather_than_what_it_stopped() {
        let results = [Err(child::Interrupted.into()), Ok(()), Err(anyhow::anyhow!("no compiler"))];
        assert_eq!(first_cause(results).unwrap_err().to_string(), "no compiler");
    }
}
