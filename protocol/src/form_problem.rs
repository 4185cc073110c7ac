//! The values of `?problem=` in the redirect from a plain form back to the page.

use serde::{Deserialize, Serialize};

/// Reason the server could not accept a form that was sent without scripts. The server adds it to the query
/// of the redirect, and the page shows a message. Mistakes in the typed text are not included, because the
/// page parses that text itself.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FormProblem {
    /// The database is not responding.
    Unavailable,
    /// The client submits too fast.
    Busy,
}

impl FormProblem {
    /// Returns the word in the query.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Busy => "busy",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_is_the_serialised_form() {
        for problem in [FormProblem::Unavailable, FormProblem::Busy] {
            assert_eq!(serde_json::to_value(problem).unwrap(), problem.as_str());
        }
    }
}
