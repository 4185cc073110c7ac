//! Why a throw-away server could not be had.

use std::{fmt, io, process::ExitStatus, time::Duration};

/// Why a throw-away server could not be had, with its log, ready to be read by whoever ran the test.
// Written out: the crates that derive it would be a third of what everyone waits for before the first
// `cargo xtask` says a word.
pub enum Error {
    /// The program is not on this machine.
    Missing {
        /// What was looked for.
        program: &'static str,
        /// Where it was looked for, and what to install.
        hint: String,
    },
    /// It ended before it was ready, or with an error.
    Ended {
        /// Which one.
        name: String,
        /// How.
        status: ExitStatus,
        /// What it wrote.
        log: String,
    },
    /// It did not say that it is ready.
    TimedOut {
        /// Which one.
        name: String,
        /// What was waited for.
        awaited: String,
        /// How long.
        within: Duration,
        /// What it wrote.
        log: String,
    },
    /// The operating system refused.
    Io {
        /// What was tried.
        doing: String,
        /// The refusal.
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
    /// Adds what was tried to a refusal of the operating system.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |error| Self::Io { doing, error }
    }
}

/// The message itself: tests show errors through `unwrap`, and a log must keep its lines.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
