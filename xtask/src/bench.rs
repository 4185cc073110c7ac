//! `cargo xtask bench`: the crate `bench` measures; it is compiled only when asked for.

use std::ffi::OsString;

use anyhow::Result;

use crate::{
    child, project,
    site::{self, Profile},
};

pub(crate) fn bench(arguments: &[OsString]) -> Result<()> {
    let any_is = |names: &[&str]| arguments.iter().any(|argument| names.iter().any(|name| argument == name));
    if !any_is(&["fib"]) {
        // The other benchmarks start these.
        let programs = ["build", "--release", "--package=server", "--package=worker"];
        child::run("build", project::cargo().args(programs))?;
    }
    // Only these open the page.
    let _site = any_is(&["live", "all"]).then(|| site::build(Profile::Release)).transpose()?;
    let mut cargo = project::cargo();
    child::run("bench", cargo.args(["run", "--release", "--package=bench", "--"]).args(arguments))
}
