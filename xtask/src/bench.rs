//! `cargo xtask bench`: the crate `bench` measures; it is compiled only when asked for.

use std::ffi::OsString;

use anyhow::Result;

use crate::{
    child, project,
    site::{self, Profile},
};

pub(crate) fn bench(arguments: &[OsString]) -> Result<()> {
    // The benchmarks of the API start these.
    child::run(
        "build",
        project::cargo().args(["build", "--release", "--package=server", "--package=worker"]),
    )?;
    // Only these open the page.
    let opens_page = arguments.iter().any(|name| name == "live" || name == "all");
    let _site = opens_page.then(|| site::build(Profile::Release)).transpose()?;
    let mut cargo = project::cargo();
    child::run("bench", cargo.args(["run", "--release", "--package=bench", "--"]).args(arguments))
}
