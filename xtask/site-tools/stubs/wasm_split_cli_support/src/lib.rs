//! Stands in for wasm_split_cli_support, which `cargo leptos build --split` calls: refuses.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

pub struct Options<'a> {
    pub input_wasm: &'a [u8],
    pub output_dir: &'a Path,
    pub main_out_path: &'a Path,
    pub main_module: &'a str,
    pub link_name: &'a str,
    pub verbose: bool,
}

impl<'a> Options<'a> {
    pub fn new(input_wasm: &'a [u8]) -> Self {
        let nowhere = Path::new("");
        Self {
            input_wasm,
            output_dir: nowhere,
            main_out_path: nowhere,
            main_module: "",
            link_name: "",
            verbose: false,
        }
    }
}

pub struct SplitWasm {
    pub split_modules: Vec<PathBuf>,
    pub prefetch_map: HashMap<String, Vec<String>>,
}

pub fn transform(_: Options<'_>) -> Result<SplitWasm, Refused> {
    Err(Refused)
}

#[derive(Debug)]
pub struct Refused;

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("this cargo-leptos was built without `--split`: install the complete one")
    }
}

impl std::error::Error for Refused {}
