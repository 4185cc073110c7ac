//! The home page: the form, the recently requested indexes, and their values.

use axum::{
    extract::Query,
    http::{StatusCode, Uri},
};
use leptos::prelude::*;
use protocol::{Entry, FormProblem, Index, IndexError, IndexRange, names::PAGE_SIZE};
use serde::Deserialize;
use store::{RecordError, Scope, Store};

use super::{Page, PageRequest};
use crate::{
    islands::{EntryLists, Prop, SubmitForm},
    job_words,
    listing::{Listing, PageQuery},
    wording,
};

/// The query of the home page's address.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct HomeQuery {
    /// Position below which the list starts; the newest entries if absent.
    before: Option<u64>,
    /// Position above which the list ends, instead of `before`.
    after: Option<u64>,
    /// The text that was submitted through the form without scripts.
    index: Option<String>,
    /// Reason the text could not be submitted.
    problem: Option<FormProblem>,
}

impl HomeQuery {
    /// Parses each field on its own: a malformed or empty one is ignored and does not affect the others.
    fn parse(uri: &Uri) -> Self {
        #[derive(Deserialize)]
        struct Before {
            before: u64,
        }
        #[derive(Deserialize)]
        struct After {
            after: u64,
        }
        #[derive(Deserialize)]
        struct Typed {
            index: String,
        }
        #[derive(Deserialize)]
        struct Problem {
            problem: FormProblem,
        }
        Self {
            before: Query::try_from_uri(uri).ok().map(|Query(Before { before })| before),
            after: Query::try_from_uri(uri).ok().map(|Query(After { after })| after),
            index: Query::try_from_uri(uri)
                .ok()
                .map(|Query(Typed { index })| index)
                .filter(|index| !index.is_empty()),
            problem: Query::try_from_uri(uri).ok().map(|Query(Problem { problem })| problem),
        }
    }
}

/// The data of the home page.
struct Home {
    allowed: IndexRange,
    /// Text to show in the field: the submitted text, if it was not accepted.
    typed: String,
    /// Problem with that text.
    mistake: Option<IndexError>,
    /// Reason the text could not be submitted.
    problem: Option<FormProblem>,
    /// The entry of the index that was submitted.
    answer: Option<Entry>,
    /// The entries; `None` if the database is not responding.
    listing: Option<Listing>,
}

pub(crate) async fn load(request: PageRequest) -> Page {
    let home = Home::load(&request.store, HomeQuery::parse(&request.parts.uri)).await;
    let is_unfinished = home.is_unfinished();
    Page {
        status: if home.listing.is_some() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE },
        title: format!("{}: {}", job_words::SITE_NAME, lowercase_first(job_words::TITLE)),
        has_islands: true,
        is_unfinished,
        scope: (!is_unfinished).then_some(Scope::ANY),
        redirect: None,
        view: Box::new(move || home.view().into_any()),
    }
}

impl Home {
    async fn load(store: &Store, query: HomeQuery) -> Self {
        let allowed = store.index_range();
        let index = query.index.as_deref().map(|typed| Index::parse(typed, allowed));
        let listing = load_listing(store, &query).await.inspect_err(log_failure).ok();
        let answer = match &index {
            Some(Ok(index)) if query.problem.is_none() => {
                store.entry(*index).await.inspect_err(log_failure).ok().flatten()
            }
            _ => None,
        };
        let mistake = index.and_then(Result::err);
        let keep_typed = mistake.is_some() || query.problem.is_some();
        Self {
            allowed,
            typed: query
                .index
                .filter(|_| keep_typed)
                .map_or_else(String::new, |typed| typed.trim().to_owned()),
            mistake,
            problem: query.problem,
            answer,
            listing,
        }
    }

    fn is_unfinished(&self) -> bool {
        let listing = self.listing.as_ref();
        self.answer.as_ref().is_some_and(wording::is_unfinished)
            || listing.is_none_or(|listing| listing.entries().iter().any(wording::is_unfinished))
    }

    fn view(&self) -> impl IntoView + use<> {
        let trouble = self.problem.map(wording::form_problem);
        let notice = self.listing.is_none().then(|| {
            view! {
                <p class="notice">
                    "The database isn’t responding, so the list can’t be shown right now. It will come back on its own."
                </p>
            }
        });
        let (entries, first_page, more) = self.listing.as_ref().map_or_else(
            || (Vec::new(), true, false),
            |listing| (listing.entries().to_vec(), listing.is_first_page(), listing.older().is_some()),
        );
        view! {
            <div class="home">
                <section class="request" aria-labelledby="title">
                    <h1 id="title">{job_words::TITLE}</h1>
                    <p class="lead">{job_words::LEAD}</p>
                    <SubmitForm
                        allowed=Prop(self.allowed)
                        typed=self.typed.clone()
                        mistake=self.mistake.as_ref().map(wording::mistake)
                        trouble=Prop(trouble)
                        answer=Prop(self.answer.clone())
                    />
                </section>
                {notice}
                <EntryLists entries=Prop(entries) first_page more />
            </div>
        }
    }
}

async fn load_listing(store: &Store, query: &HomeQuery) -> Result<Listing, RecordError> {
    let before = match query.after {
        Some(after) => end_of_page_after(store, after).await?,
        None => query.before,
    };
    let page = PageQuery::first(before);
    Ok(Listing::new(store.page(page.before, page.limit).await?, before))
}

/// Returns the position below which the next page of newer entries starts, or `None` if the newest page has
/// them all.
async fn end_of_page_after(store: &Store, after: u64) -> Result<Option<u64>, RecordError> {
    let newer = store.record().listed(after, PAGE_SIZE + 1).await?;
    Ok(newer.get(PAGE_SIZE as usize).map(|(position, _)| *position))
}

/// Turns a heading into the second part of a title, after a colon: `Watch it` becomes `watch it`.
fn lowercase_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

fn log_failure(error: &RecordError) {
    tracing::warn!(%error, "failed to read entries for the home page");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(uri: &str) -> HomeQuery {
        HomeQuery::parse(&uri.parse().unwrap())
    }

    #[test]
    fn each_field_of_the_query_is_parsed_on_its_own() {
        let typed = HomeQuery { index: Some("7 & more".to_owned()), ..HomeQuery::default() };
        assert_eq!(parse("/?index=7+%26+more"), typed);
        let problem = Some(FormProblem::Unavailable);
        let failed = HomeQuery { index: Some("7".to_owned()), problem, ..HomeQuery::default() };
        assert_eq!(parse("/?before=x&index=7&problem=unavailable"), failed);
        for nothing in ["/?problem=nonsense", "/?problem=&before=&after=&index=", "/?index"] {
            assert_eq!(parse(nothing), HomeQuery::default(), "{nothing}");
        }
        assert_eq!(parse("/?after=40"), HomeQuery { after: Some(40), ..HomeQuery::default() });
        assert_eq!(parse("/?before=40"), HomeQuery { before: Some(40), ..HomeQuery::default() });
    }
}
