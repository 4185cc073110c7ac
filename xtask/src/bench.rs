//! `cargo xtask bench`: the benchmarks.

use anyhow::{Result, bail};

use crate::{child::Child, project};

pub(crate) fn bench(filter: Option<&str>) -> Result<()> {
    let mut cargo = project::cargo();
    let status = Child::start("cargo bench", cargo.args(["bench", "--workspace", "--benches"]).args(filter))?
        .wait(None)?;
    if status.success() { Ok(()) } else { bail!("the benchmarks failed ({status})") }
}
