//! The pages for errors that can happen at any address.

use axum::http::StatusCode;
use leptos::prelude::*;

use super::{Page, back};

pub(crate) fn not_found() -> Page {
    Page::new(StatusCode::NOT_FOUND, "Page not found", || {
        view! {
            <article class="message">
                <h1>"Page not found"</h1>
                {back()}
            </article>
        }
    })
}

/// The page shown when the database is not responding. It reloads itself until the data is back.
pub(super) fn unavailable() -> Page {
    let page = Page::new(StatusCode::SERVICE_UNAVAILABLE, "Temporarily unavailable", || {
        view! {
            <article class="message">
                <h1>"The database isn’t responding"</h1>
                <p class="lead">"Nothing is lost. Reload this page in a moment."</p>
                {back()}
            </article>
        }
    });
    Page { is_unfinished: true, ..page }
}
