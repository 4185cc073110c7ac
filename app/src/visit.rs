//! What a URL asks for.

use axum::{extract::Query, http::Uri};
use serde::Deserialize;

/// What a URL asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Visit {
    /// The form and a page of entries.
    Home(Home),
    /// All about one index.
    Value {
        /// The index as it stands in the path.
        typed: String,
    },
    /// How the system works.
    Explanation,
    /// Nothing that there is.
    Unknown,
}

/// The form and a page of entries.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Home {
    /// Entries below this position; the newest if absent.
    pub(crate) before: Option<u64>,
    /// What was submitted through the form without scripts.
    pub(crate) index: Option<String>,
    /// Why it could not be submitted.
    pub(crate) problem: Option<FormProblem>,
}

/// Why a form could not be submitted, apart from what was typed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FormProblem {
    /// The database does not answer.
    Unavailable,
    /// Too many submissions from one client.
    Busy,
}

impl FormProblem {
    /// What, and what to do.
    pub(crate) const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Unavailable => {
                ("The database does not answer", "Your index was not submitted. Try again in a moment.")
            }
            Self::Busy => (
                "Too many submissions",
                "Your index was not submitted. Wait a few seconds before the next one.",
            ),
        }
    }
}

impl Visit {
    /// Reads a URL. Whatever can't be understood in its query is passed over.
    pub(crate) fn of(uri: &Uri) -> Self {
        let path = uri.path();
        let path = path.strip_suffix('/').unwrap_or(path);
        match path.strip_prefix('/').unwrap_or_default() {
            "" => Self::Home(Home::of(uri)),
            "otherpage" => Self::Explanation,
            path => match path.strip_prefix("values/") {
                Some(typed) if !typed.contains('/') => Self::Value { typed: typed.to_owned() },
                _ => Self::Unknown,
            },
        }
    }

    /// Is it the form and the newest entries?
    pub(crate) const fn is_home(&self) -> bool {
        matches!(self, Self::Home(_))
    }
}

impl Home {
    fn of(uri: &Uri) -> Self {
        #[derive(Deserialize)]
        struct Before {
            before: u64,
        }
        #[derive(Deserialize)]
        struct Typed {
            index: String,
        }
        #[derive(Deserialize)]
        struct Problem {
            problem: FormProblem,
        }
        // Each by itself: one that can't be read takes nothing from the others.
        Self {
            before: Query::try_from_uri(uri).ok().map(|Query(Before { before })| before),
            index: Query::try_from_uri(uri).ok().map(|Query(Typed { index })| index),
            problem: Query::try_from_uri(uri).ok().map(|Query(Problem { problem })| problem),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(uri: &str) -> Visit {
        Visit::of(&uri.parse().unwrap())
    }

    #[test]
    fn every_page_has_its_address() {
        assert_eq!(visit("/"), Visit::Home(Home::default()));
        assert_eq!(visit("/otherpage"), Visit::Explanation);
        assert_eq!(visit("/otherpage/"), Visit::Explanation);
        assert_eq!(visit("/values/7"), Visit::Value { typed: "7".to_owned() });
        assert_eq!(visit("/values/seven"), Visit::Value { typed: "seven".to_owned() });
        for nowhere in ["/values", "/values/7/8", "/other", "/index.html"] {
            assert_eq!(visit(nowhere), Visit::Unknown, "{nowhere}");
        }
    }

    #[test]
    fn the_query_of_the_form_is_read_part_by_part() {
        let home = Home { index: Some("7 & more".to_owned()), ..Home::default() };
        assert_eq!(visit("/?index=7+%26+more"), Visit::Home(home));
        let home =
            Home { before: None, index: Some("7".to_owned()), problem: Some(FormProblem::Unavailable) };
        assert_eq!(visit("/?before=x&index=7&problem=unavailable"), Visit::Home(home));
        assert_eq!(visit("/?problem=nonsense"), Visit::Home(Home::default()));
        assert_eq!(visit("/?before=40"), Visit::Home(Home { before: Some(40), ..Home::default() }));
    }
}
