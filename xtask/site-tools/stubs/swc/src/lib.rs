//! Stands in for swc, with which cargo-leptos minifies wasm-bindgen's JavaScript: passes it through.

use std::sync::Arc;

use swc_common::{SourceFile, SourceMap};

pub mod config {
    /// Whether the source is a module.
    #[derive(Default)]
    pub enum IsModule {
        #[default]
        Unknown,
        Bool(bool),
    }

    #[derive(Default)]
    pub struct JsMinifyOptions {
        pub compress: crate::BoolOrDataConfig,
        pub mangle: crate::BoolOrDataConfig,
        pub module: IsModule,
        pub keep_classnames: bool,
        pub keep_fnames: bool,
    }
}

#[derive(Default)]
pub struct BoolOrDataConfig;

impl BoolOrDataConfig {
    pub fn from_bool(_: bool) -> Self {
        Self
    }
}

#[derive(Default)]
pub struct JsMinifyExtras;

#[derive(Default)]
pub struct HandlerOpts;

pub struct Handler;

pub struct Compiler;

pub struct TransformOutput {
    pub code: String,
}

pub struct Diagnostics(anyhow::Error);

impl Diagnostics {
    pub fn to_pretty_error(self) -> anyhow::Error {
        self.0
    }
}

impl Compiler {
    pub fn new(_: Arc<SourceMap>) -> Self {
        Self
    }

    pub fn minify(
        &self,
        file: Arc<SourceFile>,
        _: &Handler,
        _: &config::JsMinifyOptions,
        _: JsMinifyExtras,
    ) -> anyhow::Result<TransformOutput> {
        Ok(TransformOutput { code: file.source.clone() })
    }
}

pub fn try_with_handler<T>(
    _: Arc<SourceMap>,
    _: HandlerOpts,
    operate: impl FnOnce(&Handler) -> anyhow::Result<T>,
) -> Result<T, Diagnostics> {
    operate(&Handler).map_err(Diagnostics)
}
