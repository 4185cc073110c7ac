//! What a page shows, from the store. Everything is read before anything is rendered, so that the
//! head of the document and its status can depend on it.

use std::sync::Arc;

use protocol::{Entry, Index, IndexError, MaxIndex, Status};
use store::{RecordError, Store};

use crate::{
    listing::{Listing, Query},
    visit::{FormProblem, Home, Visit},
    wording,
};

/// What a page shows.
pub(crate) enum Shown {
    /// The form and a page of entries.
    Home(HomeShown),
    /// All about one index.
    Value(Entry),
    /// The index was never submitted.
    NeverSubmitted(Index),
    /// What stands in the path is no index.
    NoIndex(IndexError),
    /// How the system works.
    Explanation,
    /// There is no such page.
    Missing,
    /// The database does not answer.
    Unavailable,
}

/// The form and a page of entries.
pub(crate) struct HomeShown {
    /// What may be submitted.
    pub(crate) max: MaxIndex,
    /// What was typed, if it was wrong.
    pub(crate) typed: String,
    /// What is wrong with it.
    pub(crate) mistake: Option<IndexError>,
    /// Why it could not be submitted.
    pub(crate) problem: Option<FormProblem>,
    /// What became of it.
    pub(crate) answer: Option<Entry>,
    /// The entries; none if the database does not answer.
    pub(crate) listing: Option<Listing>,
}

impl Shown {
    /// Reads what a visit asks for.
    pub(crate) async fn load(store: Option<Arc<Store>>, visit: Visit) -> Self {
        let Some(store) = store else {
            tracing::error!("no store is provided to the pages");
            return Self::Unavailable;
        };
        match visit {
            Visit::Home(home) => Self::Home(HomeShown::load(&store, home).await),
            Visit::Value { typed } => Self::value(&store, &typed).await,
            Visit::Explanation => Self::Explanation,
            Visit::Unknown => Self::Missing,
        }
    }

    async fn value(store: &Store, typed: &str) -> Self {
        // An index above what is computed here today may have been computed before.
        let index = match typed.parse::<Index>() {
            Ok(index) => index,
            Err(_) => match Index::parse(typed, store.max_index()) {
                Ok(index) => index,
                Err(error) => return Self::NoIndex(error),
            },
        };
        match store.entry(index).await {
            Ok(Some(entry)) => Self::Value(entry),
            Ok(None) if !store.max_index().allows(index) => {
                Self::NoIndex(IndexError::TooHigh { max: store.max_index() })
            }
            Ok(None) => Self::NeverSubmitted(index),
            Err(error) => {
                unanswered(&error);
                Self::Unavailable
            }
        }
    }

    /// The status of the answer.
    pub(crate) const fn status(&self) -> u16 {
        match self {
            Self::Home(HomeShown { listing: None, .. }) | Self::Unavailable => 503,
            Self::Home(_) | Self::Value(_) | Self::Explanation => 200,
            Self::NeverSubmitted(_) | Self::NoIndex(_) | Self::Missing => 404,
        }
    }

    /// The title of the document.
    pub(crate) fn title(&self) -> String {
        match self {
            Self::Home(_) => "fibstack".to_owned(),
            Self::Value(Entry { index, .. }) | Self::NeverSubmitted(index) => {
                format!("{} · fibstack", wording::name(*index))
            }
            Self::NoIndex(_) | Self::Missing => "Not found · fibstack".to_owned(),
            Self::Explanation => "How it works · fibstack".to_owned(),
            Self::Unavailable => "Not available · fibstack".to_owned(),
        }
    }

    /// Will it soon look different? Without scripts the page then reloads itself.
    pub(crate) fn is_unfinished(&self) -> bool {
        let unfinished = |entry: &Entry| matches!(entry.status, Status::Pending | Status::Computing);
        match self {
            Self::Home(home) => {
                home.answer.as_ref().is_some_and(unfinished)
                    || home.listing.as_ref().is_none_or(|listing| listing.entries().iter().any(unfinished))
            }
            Self::Value(entry) => unfinished(entry),
            Self::Unavailable => true,
            Self::NeverSubmitted(_) | Self::NoIndex(_) | Self::Explanation | Self::Missing => false,
        }
    }
}

impl HomeShown {
    async fn load(store: &Store, home: Home) -> Self {
        let max = store.max_index();
        let index = home.index.as_deref().map(|typed| Index::parse(typed, max));
        let query = Query::page(home.before);
        let listing = match store.page(query.before, query.limit).await {
            Ok(entries) => Some(Listing::of(entries, home.before)),
            Err(error) => {
                unanswered(&error);
                None
            }
        };
        let answer = match &index {
            Some(Ok(index)) if home.problem.is_none() => {
                store.entry(*index).await.inspect_err(unanswered).ok().flatten()
            }
            _ => None,
        };
        let mistake = index.and_then(Result::err);
        let keep_typed = mistake.is_some() || home.problem.is_some();
        let typed = home.index.filter(|_| keep_typed).unwrap_or_default();
        Self { max, typed, mistake, problem: home.problem, answer, listing }
    }
}

fn unanswered(error: &RecordError) {
    tracing::warn!(%error, "a page could not read the database");
}
