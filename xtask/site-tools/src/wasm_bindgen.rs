//! wasm-bindgen with the options that cargo-leptos passes on, over the library that the complete one is
//! made of. The rest of wasm-bindgen-cli is a test runner with web servers and clients.

use std::path::PathBuf;

use clap::Parser;
use wasm_bindgen_cli_support::Bindgen;

/// wasm-bindgen, for `--target web` alone.
#[derive(Parser)]
#[command(name = "wasm-bindgen", version = "0.2.129")]
struct Arguments {
    input: PathBuf,
    #[arg(long, value_parser = ["web"])]
    target: String,
    #[arg(long)]
    out_dir: PathBuf,
    #[arg(long)]
    out_name: Option<String>,
    #[arg(long)]
    debug: bool,
    #[arg(long)]
    keep_debug: bool,
    #[arg(long)]
    keep_lld_exports: bool,
    #[arg(long)]
    no_demangle: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut bindgen = Bindgen::new();
    bindgen
        .web(arguments.target == "web")?
        .input_path(&arguments.input)
        .debug(arguments.debug)
        .keep_debug(arguments.keep_debug)
        .keep_lld_exports(arguments.keep_lld_exports)
        .demangle(!arguments.no_demangle)
        .typescript(true);
    if let Some(name) = &arguments.out_name {
        bindgen.out_name(name);
    }
    bindgen.generate(&arguments.out_dir)
}
