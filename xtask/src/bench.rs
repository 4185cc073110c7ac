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
    let opens_page = ["live", "page", "all"].into_iter().any(names);
    // Locked until the end, so that no other build replaces the files.
    let _site = opens_page.then(|| site::build(Profile::Release)).transpose()?;
    if opens_page {
        site::set_variables(&mut cargo, &project::site());
    }
    child::run("bench", cargo.args(["run", "--release", "--package=bench", "--"]).args(arguments))
}
