//! Prebuilt tools. Every attempt has a deadline, and a failed one is no error: there is a next way.

use std::{
    env::consts::{ARCH, OS},
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{
    child::Interrupted,
    job::Job,
    progress::say,
    project,
    tools::{self, CARGO_LEPTOS, Tool},
};

/// Seen to give a page that hydrates. npm and the releases are not equally new.
const BINARYEN_NPM: &str = "132.0.0";
const BINARYEN_RELEASE: &str = "version_123";

/// For a download that comes: tens of megabytes.
const DOWNLOAD: Duration = Duration::from_secs(240);

/// Once it did not answer, it is not asked again.
static NO_DOWNLOADS: AtomicBool = AtomicBool::new(false);

/// Tries all ways to get it prebuilt. `false`: none worked.
pub(crate) fn install(tool: Tool) -> Result<bool> {
    let ways: &[Way] = match tool {
        Tool::CargoLeptos | Tool::WasmBindgen => &[binstall, archive],
        Tool::WasmOpt => &[npm, archive],
    };
    for way in ways {
        match way(tool) {
            Ok(Tried::NotPossible) => {}
            // It may not run on this machine.
            Ok(Tried::Installed(from)) if tool.find()?.is_some() => {
                say(format!("{} installed {from}", tool.program()));
                return Ok(true);
            }
            Ok(Tried::Installed(from)) => say(format!("{} {from} does not run here", tool.program())),
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(error) => {
                let reason = error.to_string();
                say(reason.lines().next().unwrap_or_default());
            }
        }
    }
    tools::discard_outdated()?;
    Ok(false)
}

type Way = fn(Tool) -> Result<Tried>;

enum Tried {
    NotPossible,
    /// From where.
    Installed(&'static str),
}

fn there_is(program: &str) -> bool {
    throwaway::process::find_program(program, &[]).is_some()
}

fn binstall(tool: Tool) -> Result<Tried> {
    if !there_is("cargo-binstall") {
        return Ok(Tried::NotPossible);
    }
    let package = match tool {
        Tool::WasmBindgen => format!("wasm-bindgen-cli@{}", tool.wanted()?),
        _ => format!("{}@{}", tool.program(), tool.wanted()?),
    };
    Job::new(&format!("binstall {}", tool.program())).within(Duration::from_secs(90)).run(
        Command::new("cargo")
            .args(["binstall", "--no-confirm", "--disable-strategies", "compile", "--install-path"])
            .arg(tools::own_folder())
            .arg(package),
    )?;
    Ok(Tried::Installed("by cargo binstall"))
}

fn npm(tool: Tool) -> Result<Tried> {
    if !there_is("npm") {
        return Ok(Tried::NotPossible);
    }
    let folder = project::tools().join("npm");
    fs::create_dir_all(&folder)?;
    Job::new("npm binaryen").within(Duration::from_secs(90)).run(
        Command::new("npm")
            .args(["install", "--no-save", "--no-audit", "--no-fund", "--fetch-retries", "0"])
            .args(["--fetch-timeout", "20000", "--prefix"])
            .arg(&folder)
            .arg(format!("binaryen@{BINARYEN_NPM}")),
    )?;
    link(tool, &folder.join("node_modules/binaryen/bin/wasm-opt"))?;
    Ok(Tried::Installed("from npm"))
}

/// A release archive from GitHub.
fn archive(tool: Tool) -> Result<Tried> {
    let Some(address) = address(tool, OS, ARCH)? else { return Ok(Tried::NotPossible) };
    if NO_DOWNLOADS.load(Ordering::Relaxed) || !there_is("curl") || !there_is("tar") {
        return Ok(Tried::NotPossible);
    }
    let folder = project::tools().join("prebuilt").join(tool.program());
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    let file = folder.join("archive.tar.gz");
    let download = Job::new(&format!("download {}", tool.program())).within(DOWNLOAD).run(
        Command::new("curl")
            .args(["--fail", "--silent", "--show-error", "--location", "--proto", "=https"])
            // Slower than this for so long, and compiling is quicker.
            .args(["--connect-timeout", "5", "--speed-limit", "40000", "--speed-time", "10", "--output"])
            .arg(&file)
            .arg(&address),
    );
    if let Err(error) = download {
        if error.is::<Interrupted>() {
            return Err(error);
        }
        NO_DOWNLOADS.store(true, Ordering::Relaxed);
        bail!("{} could not be downloaded from github.com", tool.program());
    }
    Job::new(&format!("unpack {}", tool.program()))
        .within(Duration::from_secs(60))
        .run(Command::new("tar").arg("-xzf").arg(&file).arg("-C").arg(&folder).arg("--strip-components=1"))?;
    fs::remove_file(&file)?;
    // Binaryen's finds its library beside its folder.
    let program = if tool == Tool::WasmOpt { "bin/wasm-opt" } else { tool.program() };
    link(tool, &folder.join(program))?;
    Ok(Tried::Installed("from its GitHub release"))
}

fn link(tool: Tool, to: &Path) -> Result<()> {
    let from = tools::own_folder().join(tool.program());
    let _ = fs::remove_file(&from);
    symlink(to, &from).with_context(|| format!("link {} to {}", from.display(), to.display()))
}

/// Where the release for a system is, if there is one.
fn address(tool: Tool, os: &str, arch: &str) -> Result<Option<String>> {
    let system = match (tool, os, arch) {
        (Tool::WasmOpt, "linux", "x86_64" | "aarch64") => format!("{arch}-linux"),
        (Tool::WasmOpt, "macos", "x86_64") => "x86_64-macos".to_owned(),
        (Tool::WasmOpt, "macos", "aarch64") => "arm64-macos".to_owned(),
        (Tool::CargoLeptos, "linux", "x86_64" | "aarch64") => format!("{arch}-unknown-linux-gnu"),
        (Tool::WasmBindgen, "linux", "x86_64") => "x86_64-unknown-linux-musl".to_owned(),
        (Tool::WasmBindgen, "linux", "aarch64") => "aarch64-unknown-linux-gnu".to_owned(),
        (_, "macos", "x86_64" | "aarch64") => format!("{arch}-apple-darwin"),
        _ => return Ok(None),
    };
    let path = match tool {
        Tool::CargoLeptos => {
            format!("leptos-rs/cargo-leptos/releases/download/v{CARGO_LEPTOS}/cargo-leptos-{system}.tar.gz")
        }
        Tool::WasmBindgen => {
            let version = tool.wanted()?;
            format!(
                "wasm-bindgen/wasm-bindgen/releases/download/{version}/wasm-bindgen-{version}-{system}.tar.gz"
            )
        }
        Tool::WasmOpt => format!(
            "WebAssembly/binaryen/releases/download/{BINARYEN_RELEASE}/binaryen-{BINARYEN_RELEASE}-{system}.tar.gz"
        ),
    };
    Ok(Some(format!("https://github.com/{path}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tool_has_its_own_way_to_name_a_system() {
        let of = |tool, os, arch| address(tool, os, arch).unwrap().unwrap_or_default();
        assert!(of(Tool::WasmOpt, "macos", "aarch64").ends_with("-version_123-arm64-macos.tar.gz"));
        assert!(
            of(Tool::CargoLeptos, "linux", "x86_64")
                .ends_with("/cargo-leptos-x86_64-unknown-linux-gnu.tar.gz")
        );
        assert!(of(Tool::WasmBindgen, "linux", "x86_64").ends_with("-x86_64-unknown-linux-musl.tar.gz"));
        assert_eq!(of(Tool::WasmBindgen, "plan9", "x86_64"), "");
    }
}
