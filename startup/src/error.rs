//! Why a start is refused.

use std::{io, path::PathBuf};

/// Why a start is refused: settings that are fine each by itself but not together, or a file that
/// can't be read. What clap finds wrong in a single value never gets this far.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A secret is given twice.
    #[error("{variable} and {variable}_FILE are both set: set one of them")]
    SecretTwice {
        /// Name of the variable that holds the secret itself.
        variable: &'static str,
    },
    /// A file can't be read.
    #[error("{variable} names {}, which can't be read: {source}", .path.display())]
    File {
        /// The variable that names the file.
        variable: String,
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A secret file holds nothing.
    #[error("{variable} names {}, which is empty", .path.display())]
    EmptyFile {
        /// The variable that names the file.
        variable: String,
        /// The file.
        path: PathBuf,
    },
    /// Anything else, in a sentence that names the variable and what is allowed.
    #[error("{0}")]
    Refused(String),
}

/// Gives back what the settings became, or ends the process with exit code 2 and the reason.
pub fn or_exit<T>(result: Result<T, SettingsError>) -> T {
    result.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        std::process::exit(WRONG_SETTING)
    })
}

/// Prints clap's message, in colour on a terminal, and ends: with 0 after `--help`, else with 2.
pub(crate) fn exit(error: &clap::Error) -> ! {
    error.exit()
}

/// The exit code, as clap has it.
const WRONG_SETTING: i32 = 2;
