//! `cargo xtask setup`: installs everything that builds need, and what `cargo xtask dev` needs besides.

use anyhow::Result;

use crate::{leptos, progress::say, requirements};

pub(crate) fn setup() -> Result<()> {
    requirements::check()?;
    let program = leptos::command()?.get_program().to_owned();
    say(format!("cargo-leptos: {}", program.display()));
    Ok(())
}
