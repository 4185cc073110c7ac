//! Health of a Board: permissions and resources that it lacks.

use std::fmt;

/// A required permission or resource that the Board lacks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BoardFault {
    /// Kind of the fault.
    pub kind: FaultKind,
    /// Description of what is missing and what to do. Safe to show: it names no host, user or secret.
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
    /// Faults that keep the Board from working; empty if it works.
    pub faults: Vec<BoardFault>,
    /// Settings that do not stop the Board from working, but may cost time or data.
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

    /// Text of all faults, one sentence each.
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
