//! Stands in for Lightning CSS, with which cargo-leptos minifies styles and rewrites what is too new for old
//! browsers: passes them through.

use std::{convert::Infallible, fmt};

pub mod stylesheet {
    use super::{Infallible, Printed};

    #[derive(Default)]
    pub struct ParserOptions {
        pub filename: String,
    }

    #[derive(Default)]
    pub struct MinifyOptions {
        pub targets: crate::targets::Targets,
    }

    #[derive(Default)]
    pub struct PrinterOptions<'a> {
        pub targets: crate::targets::Targets,
        pub minify: bool,
        pub project_root: Option<&'a str>,
    }

    pub struct StyleSheet<'a>(&'a str);

    impl<'a> StyleSheet<'a> {
        pub fn parse(code: &'a str, _: ParserOptions) -> Result<Self, Infallible> {
            Ok(Self(code))
        }

        pub fn minify(&mut self, _: MinifyOptions) -> Result<(), Infallible> {
            Ok(())
        }

        pub fn to_css(&self, _: PrinterOptions<'_>) -> Result<Printed, Infallible> {
            Ok(Printed { code: self.0.to_owned() })
        }
    }
}

pub struct Printed {
    pub code: String,
}

pub mod targets {
    use super::Infallible;

    #[derive(Clone, Copy, Default)]
    pub struct Browsers;

    impl Browsers {
        pub fn from_browserslist<'a>(
            _: impl IntoIterator<Item = &'a str>,
        ) -> Result<Option<Self>, Infallible> {
            Ok(None)
        }
    }

    #[derive(Clone, Copy, Default)]
    pub struct Targets;

    impl From<Option<Browsers>> for Targets {
        fn from(_: Option<Browsers>) -> Self {
            Self
        }
    }
}

/// For styles of several files (`style-bundle`): refuses.
pub mod bundler {
    use std::{convert::Infallible, path::Path};

    use super::{
        Refused,
        stylesheet::{ParserOptions, StyleSheet},
    };

    #[derive(Default)]
    pub struct FileProvider;

    impl FileProvider {
        pub fn new() -> Self {
            Self
        }
    }

    pub struct Bundler;

    impl Bundler {
        pub fn new(_: &FileProvider, _: Option<Infallible>, _: ParserOptions) -> Self {
            Self
        }

        pub fn bundle(&mut self, _: &Path) -> Result<StyleSheet<'static>, Refused> {
            Err(Refused)
        }
    }
}

#[derive(Debug)]
pub struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this cargo-leptos was built without bundling of styles: install the complete one")
    }
}

impl std::error::Error for Refused {}
