//! Errors in the settings.

use std::{io, path::PathBuf};

/// Error in the settings that prevents startup: settings that are valid individually but not together,
/// or a file that cannot be read. Errors in single values are reported by clap.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A secret is set twice.
    #[error("{variable} and {variable}_FILE are both set: set one of them")]
    SecretTwice {
        /// Name of the variable that holds the secret itself.
        variable: &'static str,
    },
    /// A file cannot be read.
    #[error("{variable} names {}, which cannot be read: {source}", .path.display())]
    File {
        /// The variable that names the file.
        variable: String,
        /// The file.
        path: PathBuf,
        /// Error from the operating system.
        source: io::Error,
    },
    /// The file of a secret is empty.
    #[error("{variable} names {}, which is empty", .path.display())]
    EmptyFile {
        /// The variable that names the file.
        variable: String,
        /// The file.
        path: PathBuf,
    },
    /// Any other error: a sentence that names the variable and the allowed values.
    #[error("{0}")]
    Refused(String),
}

/// Returns the value, or prints the error and exits with code 2.
pub fn or_exit<T>(result: Result<T, SettingsError>) -> T {
    result.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        std::process::exit(INVALID_SETTINGS)
    })
}

/// Prints clap's message, in colour on a terminal, and exits: with 0 after `--help`, otherwise with 2.
pub(crate) fn exit(error: &clap::Error) -> ! {
    error.exit()
}

/// Exit code for invalid settings; the same as clap's.
const INVALID_SETTINGS: i32 = 2;
