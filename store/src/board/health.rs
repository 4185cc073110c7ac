//! Health of a Board: what the work needs, and what of it is missing.

use std::fmt;

/// A permission or resource that the work needs and the Board lacks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BoardFault {
    /// What kind of fault it is.
    pub kind: FaultKind,
    /// What is missing, and what to do: safe to show, since it names no host, user or secret.
    pub reason: String,
}

/// Kind of a fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FaultKind {
    /// The Board did not respond in time.
    NoReply,
    /// No connection to the Board could be opened, or it was lost.
    Unreachable,
    /// The Board refuses something.
    Refused,
}

/// Result of a check.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct BoardHealth {
    /// What keeps the Board from working; empty if it works.
    pub faults: Vec<BoardFault>,
    /// Settings with which it works, but which may cost time or data.
    pub warnings: Vec<String>,
}

impl BoardHealth {
    /// True if nothing is missing.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.faults.is_empty()
    }

    /// True if the Board did not respond.
    #[must_use]
    pub fn no_reply(&self) -> bool {
        self.faults.iter().any(|fault| fault.kind == FaultKind::NoReply)
    }

    /// True if the Board did not respond, or could not be reached at all.
    #[must_use]
    pub fn unreachable(&self) -> bool {
        self.faults.iter().any(|fault| fault.kind != FaultKind::Refused)
    }

    /// What is missing, one sentence for each fault.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        self.faults.iter().map(|fault| fault.reason.clone()).collect()
    }

    pub(super) fn add(&mut self, fault: BoardFault) {
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }
}

impl BoardFault {
    pub(super) fn refused(reason: impl Into<String>) -> Self {
        Self { kind: FaultKind::Refused, reason: reason.into() }
    }

    pub(super) fn unreachable(reason: impl Into<String>) -> Self {
        Self { kind: FaultKind::Unreachable, reason: reason.into() }
    }

    pub(super) fn no_reply(reason: impl Into<String>) -> Self {
        Self { kind: FaultKind::NoReply, reason: reason.into() }
    }
}

impl fmt::Display for BoardHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reasons().join(" "))
    }
}
