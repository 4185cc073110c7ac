//! Stands in for leptos_hot_reload, with which `cargo leptos watch --hot-reload` patches the page even before
//! the code is compiled: refuses. Without that option the page is reloaded once it is.

use std::path::Path;

use camino::Utf8Path;

#[derive(Clone, Default)]
pub struct ViewMacros;

impl ViewMacros {
    pub fn new() -> Self {
        Self
    }

    pub fn update_from_paths<T: AsRef<Path>>(&self, _: &[T]) -> anyhow::Result<()> {
        anyhow::bail!("this cargo-leptos was built without `--hot-reload`: install the complete one")
    }

    pub fn patch(&self, _: &Utf8Path) -> anyhow::Result<Option<diff::Patches>> {
        Ok(None)
    }
}

pub mod diff {
    /// There never are any.
    pub enum Patches {}

    impl serde::Serialize for Patches {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            match *self {}
        }
    }
}
