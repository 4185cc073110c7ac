//! cargo-leptos, which rebuilds and reloads the page while it is edited. Only `cargo xtask dev` and
//! `cargo xtask leptos` need it; it is installed when one of them is first run.

use std::{
    env,
    ffi::OsString,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{
    child::{self, Interrupted},
    job::Job,
    progress::say,
    project, requirements, site,
};

/// 0.3.11 needs a newer Rust than `rust-version` in Cargo.toml.
const VERSION: &str = "0.3.10";

/// Time limit for a download of about 10 MB.
const DOWNLOAD: Duration = Duration::from_secs(240);

/// Runs `cargo leptos …`.
pub(crate) fn leptos(arguments: &[OsString]) -> Result<()> {
    child::run("cargo leptos", command()?.args(arguments))
}

/// Returns the command `cargo leptos`, in the root, with the right wasm-bindgen on its PATH. Installs what is missing.
pub(crate) fn command() -> Result<Command> {
    requirements::wasm_target()?;
    site::build_bindgen()?;
    let program = provide()?;
    // cargo-leptos runs the first wasm-bindgen on PATH, whatever its version.
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = [bindgen_folder()?].into_iter().chain(env::split_paths(&path));
    let path = env::join_paths(folders).context("the project's folder has a colon in its name")?;
    let mut command = project::command(&program);
    command.arg("leptos").env("PATH", path);
    Ok(command)
}

/// Creates a folder in which our wasm-bindgen has the name that cargo-leptos looks for.
fn bindgen_folder() -> Result<PathBuf> {
    let folder = project::tools().join("bindgen");
    let link = folder.join("wasm-bindgen");
    let _ = fs::remove_file(&link);
    fs::create_dir_all(&folder)
        .and_then(|()| symlink(project::target().join("debug/bindgen"), &link))
        .with_context(|| format!("failed to create {}", link.display()))?;
    Ok(folder)
}

/// Returns the path of cargo-leptos, after installing it if necessary.
fn provide() -> Result<PathBuf> {
    let own = project::tools().join("bin").join("cargo-leptos");
    let on_path = throwaway::process::find_program("cargo-leptos", &[]);
    if let Some(program) = on_path.into_iter().chain([own.clone()]).find(|it| has_right_version(it)) {
        return Ok(program);
    }
    say(format!("installing cargo-leptos {VERSION} into .tools/bin"));
    if let Err(error) = download() {
        if error.is::<Interrupted>() {
            return Err(error);
        }
        say("no prebuilt cargo-leptos could be downloaded; compiling it takes about 5 minutes on two cores");
        // A debug build compiles in a third of the time and is fast enough.
        Job::new("cargo-leptos").run(
            Command::new("cargo")
                .args(["install", "--locked", "--debug", "--force", "--no-default-features"])
                .args(["--features=no_downloads", "--root"])
                .arg(project::tools())
                .arg(format!("cargo-leptos@{VERSION}"))
                .env("CARGO_PROFILE_DEV_DEBUG", "false")
                // The user set this for the project, not for its tools.
                .env_remove("RUSTFLAGS")
                .current_dir(project::tools()),
        )?;
    }
    if !has_right_version(&own) {
        bail!("{} was installed, but does not report version {VERSION}", own.display());
    }
    Ok(own)
}

/// Downloads the release for this system from GitHub.
fn download() -> Result<()> {
    let system = match env::consts::OS {
        "linux" => "unknown-linux-gnu",
        "macos" => "apple-darwin",
        other => bail!("cargo-leptos has no release for {other}"),
    };
    let folder = project::tools().join("bin");
    fs::create_dir_all(&folder).with_context(|| format!("failed to create {}", folder.display()))?;
    let address = format!(
        "https://github.com/leptos-rs/cargo-leptos/releases/download/v{VERSION}/cargo-leptos-{}-{system}.tar.gz",
        env::consts::ARCH
    );
    // Give up on a slow connection: compiling is faster then.
    let script = "curl --fail --silent --show-error --location --proto =https --connect-timeout 5 \
                  --speed-limit 40000 --speed-time 10 \"$1\" | tar -xz -C \"$2\" --strip-components=1";
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "download", &address]).arg(&folder);
    Job::new("cargo-leptos download").within(DOWNLOAD).run(&mut shell)?;
    if has_right_version(&folder.join("cargo-leptos")) { Ok(()) } else { bail!("it does not run here") }
}

fn has_right_version(program: &Path) -> bool {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output();
    output.is_ok_and(|output| {
        String::from_utf8_lossy(&output.stdout).split_whitespace().any(|word| word == VERSION)
    })
}
