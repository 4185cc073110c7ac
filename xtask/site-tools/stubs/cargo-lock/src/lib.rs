//! Stands in for cargo-lock, with which cargo-leptos looks up wasm-bindgen's version: reads the names and
//! versions, and nothing else.

use std::{fs, io, path::Path};

pub struct Lockfile {
    pub packages: Vec<Package>,
}

pub struct Package {
    pub name: String,
    pub version: String,
}

impl Lockfile {
    pub fn load(path: impl AsRef<Path>) -> io::Result<Self> {
        let text = fs::read_to_string(path)?;
        let packages = text.split("[[package]]").skip(1).filter_map(Package::read).collect();
        Ok(Self { packages })
    }
}

impl Package {
    fn read(text: &str) -> Option<Self> {
        let value = |key: &str| {
            let mut lines = text.lines();
            lines.find_map(|line| {
                Some(
                    line.strip_prefix(key)?
                        .trim_start_matches([' ', '=', '"'])
                        .trim_end_matches('"')
                        .to_owned(),
                )
            })
        };
        Some(Self { name: value("name")?, version: value("version")? })
    }
}
