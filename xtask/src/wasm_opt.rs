//! A stand-in for wasm-opt, for a first run without Binaryen.
//!
//! A release build by cargo-leptos always runs wasm-opt, and fails without it. Compiling Binaryen
//! takes minutes and makes the WASM 15% smaller before compression, but not after, so a first run
//! does without: this very program, under the name `wasm-opt`, leaves the WASM as it is.

use std::{
    env,
    ffi::OsString,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::{project, tools::Tool};

/// What the person is told when a build did without.
pub(crate) const NOTE: &str = "\
The WASM is not optimised, since there is no wasm-opt 116 or later: 15% larger on disk, the same size when
compressed for the wire. To have it: npm install --global binaryen (or your system's binaryen, but not
Debian 12's), or from source in some minutes: cargo xtask setup --wasm-opt";

/// Whether this program was called as `wasm-opt`.
pub(crate) fn is_called() -> bool {
    let name = env::args_os().next();
    name.as_deref()
        .map(Path::new)
        .and_then(Path::file_stem)
        .is_some_and(|name| name == Tool::WasmOpt.program())
}

/// Makes the stand-in and gives back the folder it is in.
pub(crate) fn provide() -> Result<PathBuf> {
    let folder = project::tools().join("stand-in");
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let link = folder.join(Tool::WasmOpt.program());
    let _ = fs::remove_file(&link);
    symlink(env::current_exe()?, &link).with_context(|| format!("make {}", link.display()))?;
    Ok(folder)
}

/// Does what wasm-opt is asked for, without optimising: `wasm-opt -O… input -o output`.
pub(crate) fn stand_in() -> Result<()> {
    let (input, output) = files(env::args_os().skip(1))?;
    if input != output {
        fs::copy(&input, &output)
            .with_context(|| format!("copy {} to {}", input.display(), output.display()))?;
    }
    Ok(())
}

fn files(arguments: impl Iterator<Item = OsString>) -> Result<(PathBuf, PathBuf)> {
    let (mut input, mut output) = (None, None);
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        if argument == "-o" || argument == "--output" {
            output = arguments.next().map(PathBuf::from);
        } else if !argument.to_string_lossy().starts_with('-') {
            input = Some(PathBuf::from(argument));
        }
    }
    let (Some(input), Some(output)) = (input, output) else {
        bail!("this stand-in for wasm-opt only understands: wasm-opt [options] input -o output");
    };
    Ok((input, output))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_understands_what_cargo_leptos_asks() {
        let asked = ["-Oz", "--enable-bulk-memory", "site/a.wasm", "-o", "site/b.wasm"];
        let (input, output) = files(asked.into_iter().map(OsString::from)).unwrap();
        assert_eq!((input, output), ("site/a.wasm".into(), "site/b.wasm".into()));
    }

    #[test]
    fn it_refuses_what_it_does_not_understand() {
        assert!(files(["--print".into()].into_iter()).is_err());
    }
}
