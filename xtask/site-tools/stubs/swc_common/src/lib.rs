//! Stands in for what cargo-leptos uses of swc_common to hand JavaScript to swc.

use std::sync::Arc;

pub enum FileName {
    Anon,
}

pub struct SourceFile {
    pub source: String,
}

#[derive(Default)]
pub struct SourceMap;

impl SourceMap {
    pub fn new_source_file(&self, _: Arc<FileName>, source: String) -> Arc<SourceFile> {
        Arc::new(SourceFile { source })
    }
}

#[derive(Default)]
pub struct Globals;

/// swc keeps its state in a scoped thread-local. There is none here.
pub struct Scoped;

impl Scoped {
    pub fn set<T>(&self, _: &Globals, operate: impl FnOnce() -> T) -> T {
        operate()
    }
}

pub static GLOBALS: Scoped = Scoped;
