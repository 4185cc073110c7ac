//! `cargo xtask bench`: the crate `bench` measures; it is compiled only when asked for.

use std::ffi::OsString;

use anyhow::Result;

use crate::{child, project};

pub(crate) fn bench(arguments: &[OsString]) -> Result<()> {
    // The benchmarks of the API start these.
    child::run(
        "build",
        project::cargo().args(["build", "--release", "--package=server", "--package=worker"]),
    )?;
    let mut cargo = project::cargo();
    child::run("bench", cargo.args(["run", "--release", "--package=bench", "--"]).args(arguments))
}
