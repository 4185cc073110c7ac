//! A stand-in for wasm-opt, for a first run without Binaryen.
//!
//! A release build by cargo-leptos always runs wasm-opt, and fails without it. Compiling Binaryen
//! takes minutes and makes the WASM smaller before compression, but not after, so a first run does
//! without: a script under the name `wasm-opt` leaves the WASM as it is.

use std::{
    fs,
    io::ErrorKind,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process,
};

use anyhow::{Context, Result};

use crate::tools::{self, Tool};

/// What the person is told when a build did without.
pub(crate) const NOTE: &str = "\
The WASM is not optimised, since there is no wasm-opt 116 or later: 7% larger on disk, 1% when
compressed for the wire. To have it: npm install --global binaryen (or your system's binaryen, but not
Debian 12's), or from source in some minutes: cargo xtask setup --wasm-opt";

const SCRIPT: &str = include_str!("wasm-opt.sh");

/// Makes the stand-in, if it is not there. It is with the project's own tools, where `cargo leptos` finds it,
/// too. Another `cargo xtask` may be using it, or making it, just now.
pub(crate) fn provide() -> Result<()> {
    if is_there() {
        return Ok(());
    }
    let folder = tools::own_folder();
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let new = folder.join(format!("wasm-opt.{}", process::id()));
    write(&new).and_then(|()| fs::rename(&new, file())).with_context(|| format!("write {}", file().display()))
}

/// Removes the stand-in, if it is there: it would hide the real one.
pub(crate) fn withdraw() -> Result<()> {
    if !is_there() {
        return Ok(());
    }
    match fs::remove_file(file()) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", file().display()))
        }
        _ => Ok(()),
    }
}

fn is_there() -> bool {
    fs::read(file()).is_ok_and(|program| program == SCRIPT.as_bytes())
}

fn file() -> PathBuf {
    tools::own_folder().join(Tool::WasmOpt.program())
}

fn write(file: &Path) -> std::io::Result<()> {
    fs::write(file, SCRIPT)?;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn it_copies_as_cargo_leptos_asks() {
        let folder = tempfile::tempdir().unwrap();
        let (program, input, output) =
            (folder.path().join("wasm-opt"), folder.path().join("a.wasm"), folder.path().join("b.wasm"));
        write(&program).unwrap();
        fs::write(&input, "WASM").unwrap();
        for output in [&output, &input] {
            // Not by itself: while other tests start programs, the file may still count as being written.
            let mut asked = Command::new("sh");
            asked.arg(&program).args(["-Oz", "--enable-bulk-memory"]).arg(&input).arg("-o").arg(output);
            assert!(asked.status().unwrap().success(), "{asked:?}");
            assert_eq!(fs::read(output).unwrap(), b"WASM");
        }
    }

    #[test]
    fn it_refuses_what_it_does_not_understand() {
        for asked in [&["--print", "a.wasm"][..], &["--version"], &["a.wasm", "-o"]] {
            let output = Command::new("sh").args(["-c", SCRIPT, "wasm-opt"]).args(asked).output().unwrap();
            assert!(!output.status.success(), "{asked:?}");
        }
    }
}
