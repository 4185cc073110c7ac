//! Why a throw-away server could not be had.

use std::{fmt, io, process::ExitStatus, time::Duration};

/// Why a throw-away server could not be had, with its log, ready to be read by whoever ran the test.
#[derive(thiserror::Error)]
pub enum Error {
    /// The program is not on this machine.
    #[error("{program} was not found: {hint}")]
    Missing {
        /// What was looked for.
        program: &'static str,
        /// Where it was looked for, and what to install.
        hint: String,
    },
    /// It ended before it was ready, or with an error.
    #[error("{name} ended ({status}); its log:\n{log}")]
    Ended {
        /// Which one.
        name: String,
        /// How.
        status: ExitStatus,
        /// What it wrote.
        log: String,
    },
    /// It did not say that it is ready.
    #[error("{name} did not write “{awaited}” within {within:?}; its log:\n{log}")]
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
    #[error("{doing}: {error}")]
    Io {
        /// What was tried.
        doing: String,
        /// The refusal.
        #[source]
        error: io::Error,
    },
}

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
