//! `wasm-bindgen` with the options that cargo-leptos and `cargo xtask` pass.
//!
//! wasm-bindgen refuses WASM that was compiled with another version of its crate. This program always has the right
//! one, because both come from the same Cargo.lock, and users need not install it. The official program mostly
//! adds a test runner with web servers and HTTP clients. `--hash` and `--shrink`, which are ours, are part of this
//! program because another one would make a first run wait for more crates.

mod shrink;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use clap::Parser;
use md5::{Digest, Md5};
use wasm_bindgen_cli_support::Bindgen;

/// Generate the JavaScript for a WASM module that was compiled with wasm-bindgen
#[derive(Debug, Parser)]
#[command(name = "wasm-bindgen")]
struct Arguments {
    /// The module
    wasm: PathBuf,
    /// Folder for JavaScript and WASM
    #[arg(long)]
    out_dir: PathBuf,
    /// Their file name, without extension
    #[arg(long)]
    out_name: String,
    /// Remove what browsers do not need, and add compressed files, kept in this folder for the next time. Needs `--hash`
    #[arg(long, value_name = "FOLDER", requires = "hash")]
    shrink: Option<PathBuf>,
    /// Add a hash to the names of the JavaScript, the WASM and the style sheet that is with them, and write the hashes
    /// to this file, which leptos reads
    #[arg(long, value_name = "FILE")]
    hash: Option<PathBuf>,
    #[arg(long, default_value = "web", value_parser = ["web"])]
    target: String,
    #[arg(long)]
    debug: bool,
    #[arg(long)]
    keep_debug: bool,
    #[arg(long)]
    keep_lld_exports: bool,
    #[arg(long)]
    no_demangle: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut bindgen = Bindgen::new();
    let mut output = bindgen
        .web(true)?
        .typescript(false)
        .input_path(&arguments.wasm)
        .out_name(&arguments.out_name)
        .debug(arguments.debug)
        .keep_debug(arguments.keep_debug)
        .keep_lld_exports(arguments.keep_lld_exports)
        .demangle(!arguments.no_demangle)
        .remove_name_section(arguments.shrink.is_some())
        .remove_producers_section(arguments.shrink.is_some())
        .generate_output()?;
    if arguments.shrink.is_some() {
        shrink::remove_unused_exports(output.wasm_mut());
    }
    output.emit(&arguments.out_dir)?;
    if arguments.shrink.is_some() {
        shrink::strip_texts(&arguments.out_dir)?;
    }
    if let Some(file) = &arguments.hash {
        let written = add_hashes(&arguments.out_dir, &arguments.out_name).and_then(|hashes| {
            fs::create_dir_all(file.parent().unwrap_or(file)).and(fs::write(file, hashes))
        });
        written.with_context(|| format!("failed to write {} and the files it lists", file.display()))?;
    }
    if let Some(kept) = &arguments.shrink {
        shrink::compress(&arguments.out_dir, kept).context("failed to compress the site's files")?;
    }
    Ok(())
}

/// Adds hashes to the names as cargo-leptos does, and returns what leptos reads from `hash.txt`.
fn add_hashes(folder: &Path, name: &str) -> io::Result<String> {
    let file = |extension: &str| folder.join(format!("{name}.{extension}"));
    // `HydrationScripts` expects the WASM to have the JavaScript's name.
    fs::rename(folder.join(format!("{name}_bg.wasm")), file("wasm"))?;
    let mut hashes = String::new();
    for extension in ["js", "wasm", "css"] {
        let plain = file(extension);
        let hash = BASE64_URL_SAFE_NO_PAD.encode(Md5::digest(fs::read(&plain)?));
        fs::rename(&plain, file(&format!("{hash}.{extension}")))?;
        hashes += &format!("{extension}: {hash}\n");
    }
    Ok(hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_named_by_the_hashes_in_hash_txt() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["fibstack.js", "fibstack_bg.wasm", "fibstack.css"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        // The MD5 of nothing.
        let hash = "1B2M2Y8AsgTpgAmY7PhCfg";
        let hashes = add_hashes(folder.path(), "fibstack").unwrap();
        assert_eq!(hashes, format!("js: {hash}\nwasm: {hash}\ncss: {hash}\n"));
        for extension in ["js", "wasm", "css"] {
            assert!(folder.path().join(format!("fibstack.{hash}.{extension}")).exists(), "{extension}");
        }
    }
}
