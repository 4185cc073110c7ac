//! Reasons why a throwaway server is not available.

use std::{fmt, io, process::ExitStatus, time::Duration};

/// Reason why a throwaway server is not available, with the server's log for the test's failure report.
// Written by hand: compiling a derive would take a third of the time before the first `cargo xtask` prints anything.
pub enum Error {
    /// The program is not installed.
    Missing {
        /// Name of the program.
        program: &'static str,
        /// The places searched, and what to install.
        hint: String,
    },
    /// The program ended before it was ready, or with an error.
    Ended {
        /// Name of the program.
        name: String,
        /// Exit status of the program.
        status: ExitStatus,
        /// Output of the program.
        log: String,
    },
    /// The program did not become ready in time.
    TimedOut {
        /// Name of the program.
        name: String,
        /// Output that was expected.
        awaited: String,
        /// Time limit.
        within: Duration,
        /// Output of the program.
        log: String,
    },
    /// A system call failed.
    Io {
        /// The operation.
        doing: String,
        /// Error from the operating system.
        error: io::Error,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { program, hint } => write!(f, "{program} was not found: {hint}"),
            Self::Ended { name, status, log } => write!(f, "{name} ended ({status}); its log:\n{log}"),
            Self::TimedOut { name, awaited, within, log } => {
                write!(f, "{name} did not write “{awaited}” within {within:?}; its log:\n{log}")
            }
            Self::Io { doing, error } => write!(f, "{doing}: {error}"),
        }
    }
}

impl std::error::Error for Error {}

impl Error {
    /// Adds the operation to an error of a system call.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |error| Self::Io { doing, error }
    }
}

/// Same as `Display`: tests show errors through `unwrap`, and a log must keep its line breaks.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
