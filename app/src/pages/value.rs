//! The page of one index: its value and its timeline.

use axum::{
    extract::{FromRequestParts, Path},
    http::StatusCode,
};
use leptos::prelude::*;
use protocol::{Entry, Index, IndexError, names::VALUES_ROUTE};
use store::{DigitsAnswer, ReadError, Scope, Store};

use super::{Page, PageRequest, back, errors};
use crate::{
    api,
    islands::{Prop, ValueView},
    job_words, parts, wording,
};

pub(crate) async fn load(mut request: PageRequest) -> Page {
    let Ok(Path(typed)) = Path::<String>::from_request_parts(&mut request.parts, &()).await else {
        return errors::not_found();
    };
    // The index may exceed the maximum, because it may have been computed when the maximum was higher.
    match Index::parse_for_lookup(&typed, request.store.index_range()) {
        Ok(index) => load_entry(&request.store, index).await,
        Err(error) => not_an_index(error),
    }
}

/// Loads the page for downloading a value. It redirects to the file, or reloads itself until the value is available. A
/// direct link to the file could save something else in its place: an error, or the entry of a value that is being
/// recomputed.
pub(crate) async fn load_download(mut request: PageRequest) -> Page {
    let Ok(Path(typed)) = Path::<String>::from_request_parts(&mut request.parts, &()).await else {
        return errors::not_found();
    };
    let index = match Index::parse_for_lookup(&typed, request.store.index_range()) {
        Ok(index) => index,
        Err(error) => return not_an_index(error),
    };
    match request.store.digits(index).await {
        Ok(DigitsAnswer::Ready(_)) => Page::redirect(format!("{}?download=true", api::digits_address(index))),
        Ok(DigitsAnswer::Pending(_)) => waiting(index, StatusCode::OK),
        Ok(DigitsAnswer::Failed(_) | DigitsAnswer::Unknown) => load_entry(&request.store, index).await,
        Err(error) => {
            tracing::warn!(%error, %index, "failed to read a value for its download");
            match error {
                ReadError::Record(_) => errors::unavailable(),
                ReadError::Board(_) => waiting(index, StatusCode::SERVICE_UNAVAILABLE),
            }
        }
    }
}

fn waiting(index: Index, status: StatusCode) -> Page {
    let name = job_words::notation(index);
    let page = Page::new(status, &format!("Download of {name}"), move || {
        view! {
            <article class="message">
                <h1>{format!("{name} isn’t ready yet")}</h1>
                <p class="lead">"Your download starts by itself as soon as it is."</p>
                <p><a href=parts::value_page(index)>{format!("Back to {name}")}</a></p>
            </article>
        }
    });
    Page { is_unfinished: true, ..page }
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
    let (is_unfinished, index) = (wording::is_unfinished(&entry), entry.index);
    let page = Page::new(StatusCode::OK, &name.clone(), move || {
        view! {
            <article class="one-value">
                <h1>{name.clone()}</h1>
                <ValueView entry=Prop(entry.clone()) />
                {back()}
            </article>
        }
    });
    let scope = (!is_unfinished).then_some(Scope::Index(index));
    Page { has_islands: true, is_unfinished, scope, ..page }
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
