//! The page of one index: its value and its timeline.

use axum::{
    extract::{FromRequestParts, Path},
    http::StatusCode,
};
use leptos::prelude::*;
use protocol::{Entry, Index, IndexError, names::VALUES_ROUTE};
use store::Store;

use super::{Page, PageRequest, back, errors};
use crate::{islands::ValueView, job_words, wording};

pub(crate) async fn load(mut request: PageRequest) -> Page {
    let Ok(Path(typed)) = Path::<String>::from_request_parts(&mut request.parts, &()).await else {
        return errors::not_found();
    };
    let allowed = request.store.index_range();
    // An index that exceeds the maximum may have been computed when the maximum was higher.
    match typed.parse().or_else(|_| Index::parse(&typed, allowed)) {
        Ok(index) => load_entry(&request.store, index).await,
        Err(error) => not_an_index(error),
    }
}

async fn load_entry(store: &Store, index: Index) -> Page {
    match store.entry(index).await {
        Ok(Some(entry)) => one_value(entry),
        Ok(None) => match store.index_range().check(index) {
            Ok(()) => never_submitted(index),
            Err(error) => not_an_index(error),
        },
        Err(error) => {
            tracing::warn!(%error, %index, "failed to read an entry for its page");
            errors::unavailable()
        }
    }
}

fn one_value(entry: Entry) -> Page {
    let name = job_words::notation(entry.index);
    let unfinished = wording::is_unfinished(&entry);
    let page = Page::new(StatusCode::OK, &name.clone(), move || {
        view! {
            <article class="one-value">
                <h1>{name.clone()}</h1>
                <ValueView entry=entry.clone() />
                {back()}
            </article>
        }
    });
    Page { unfinished, ..page }
}

fn never_submitted(index: Index) -> Page {
    let name = job_words::notation(index);
    Page::new(StatusCode::NOT_FOUND, &name.clone(), move || {
        view! {
            <article class="message">
                <h1>{name.clone()}</h1>
                <p class="lead">"Nobody has asked for this one yet."</p>
                <form method="post" action=crate::root::api_address(VALUES_ROUTE)>
                    <input type="hidden" name="index" value=index.to_string() />
                    <button type="submit" class="button">{format!("Compute {name}")}</button>
                </form>
                {back()}
            </article>
        }
    })
}

fn not_an_index(error: IndexError) -> Page {
    Page::new(StatusCode::NOT_FOUND, job_words::NOT_AN_INDEX, move || {
        view! {
            <article class="message">
                <h1>{job_words::NOT_AN_INDEX}</h1>
                <p class="lead">{wording::mistake(&error)}</p>
                {back()}
            </article>
        }
    })
}
