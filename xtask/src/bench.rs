//! `cargo xtask bench`: the benchmarks.

use anyhow::Result;

use crate::{child, project};

pub(crate) fn bench(filter: Option<&str>) -> Result<()> {
    child::run("cargo bench", project::cargo().args(["bench", "--workspace", "--benches"]).args(filter))
}
