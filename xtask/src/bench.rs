//! `cargo xtask bench`: the crate `bench` measures; it is compiled only when asked for.

use std::ffi::OsString;

use anyhow::Result;

use crate::{
    child, project,
    site::{self, Profile},
};

pub(crate) fn bench(arguments: &[OsString]) -> Result<()> {
    let names = |name| arguments.iter().any(|argument| argument == name);
    if !names("fib") {
        // The other benchmarks start these.
        let programs = ["build", "--release", "--package=server", "--package=worker"];
        child::run("build", project::cargo().args(programs))?;
    }
    let mut cargo = project::cargo();
    if names("page") || names("all") {
        drop(site::build(Profile::Release)?);
        site::set_variables(&mut cargo, &project::site());
    }
    child::run("bench", cargo.args(["run", "--release", "--package=bench", "--"]).args(arguments))
}
