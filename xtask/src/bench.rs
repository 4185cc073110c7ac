//! `cargo xtask bench`: the crate `bench` measures; it is compiled only when asked for.

use std::ffi::OsString;

use anyhow::Result;

use crate::{child, project};

pub(crate) fn bench(arguments: &[OsString]) -> Result<()> {
    if !arguments.iter().any(|argument| argument == "fib") {
        // The benchmarks of the API start these.
        let programs = ["build", "--release", "--package=server", "--package=worker"];
        child::run("build", project::cargo().args(programs))?;
    }
    let mut cargo = project::cargo();
    child::run("bench", cargo.args(["run", "--release", "--package=bench", "--"]).args(arguments))
}
