//! `wasm-bindgen` with the options that cargo-leptos and `cargo xtask` pass.
//!
//! wasm-bindgen refuses WASM that was compiled with another version of its crate. This program always has the right
//! one, because both come from the same Cargo.lock, and nobody has to install it. What the official program adds is
//! mostly a test runner with web servers and HTTP clients.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Arg, ArgAction, Command, value_parser};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let flag = |name| Arg::new(name).long(name).action(ArgAction::SetTrue);
    let path = || value_parser!(PathBuf);
    let arguments = Command::new("wasm-bindgen")
        .about("Generate the JavaScript for a WASM module that was compiled with wasm-bindgen")
        .arg(Arg::new("input").value_name("WASM").required(true).value_parser(path()))
        .arg(Arg::new("out-dir").long("out-dir").value_name("FOLDER").required(true).value_parser(path()))
        .arg(Arg::new("out-name").long("out-name").value_name("NAME").required(true))
        .arg(Arg::new("target").long("target").default_value("web").value_parser(["web"]))
        .args(["debug", "keep-debug", "keep-lld-exports", "no-demangle"].map(flag))
        .get_matches();
    let path = |name| arguments.get_one::<PathBuf>(name).expect("the argument is required");
    Bindgen::new()
        .web(true)?
        .typescript(false)
        .input_path(path("input"))
        .out_name(arguments.get_one::<String>("out-name").expect("the argument is required"))
        .debug(arguments.get_flag("debug"))
        .keep_debug(arguments.get_flag("keep-debug"))
        .keep_lld_exports(arguments.get_flag("keep-lld-exports"))
        .demangle(!arguments.get_flag("no-demangle"))
        .generate(path("out-dir"))
}
