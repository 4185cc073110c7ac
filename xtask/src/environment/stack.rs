//! Stacks with a file of variables, and the paths of these files.

use std::{fmt, fs, path::PathBuf};

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::template::Template;
use crate::project;

/// A stack that has a file of variables.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Stack {
    /// `.env`.
    Development,
    /// `compose/.env`.
    Production,
}

impl Stack {
    /// Path of the file, relative to the root.
    pub(crate) fn file(self) -> &'static str {
        match self {
            Self::Development => ".env",
            Self::Production => "compose/.env",
        }
    }

    pub(super) fn path(self) -> PathBuf {
        project::root().join(self.file())
    }

    pub(super) fn template(self) -> Result<Template> {
        let path = project::root().join(format!("compose/{self}.env.example"));
        let text = fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
        Ok(Template::new(text))
    }
}

impl fmt::Display for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Development => "development",
            Self::Production => "production",
        })
    }
}
