//! The pages. Only the server renders them; in the browser only their islands run.

pub(crate) mod errors;
pub(crate) mod explanation;
pub(crate) mod home;
pub(crate) mod value;

use std::sync::Arc;

use axum::http::{StatusCode, request::Parts};
use leptos::prelude::*;
use store::{Scope, Store};

use crate::job_words;

/// A request for a page.
pub(crate) struct PageRequest {
    /// Source of the entries.
    pub(crate) store: Arc<Store>,
    /// The head of the HTTP request.
    pub(crate) parts: Parts,
}

/// A page with its data, ready to be rendered into the document.
pub(crate) struct Page {
    /// Status of the response.
    pub(crate) status: StatusCode,
    /// Title of the document.
    pub(crate) title: String,
    /// True if the page has islands. Only then it loads the scripts.
    pub(crate) has_islands: bool,
    /// True if the page shows something that will soon change: unless its islands update it, it reloads itself.
    pub(crate) is_unfinished: bool,
    /// The entries that it shows, if it may be kept until one of them changes.
    pub(crate) scope: Option<Scope>,
    /// Address to redirect to instead of showing the page, without the site's prefix.
    pub(crate) redirect: Option<String>,
    /// The content of `<main>`.
    pub(crate) view: Box<dyn Fn() -> AnyView + Send + Sync>,
}

impl Page {
    /// Creates a page without islands, with the name of the site in its title.
    fn new<V: IntoAny>(
        status: StatusCode,
        title: &str,
        view: impl Fn() -> V + Send + Sync + 'static,
    ) -> Self {
        Self {
            status,
            title: format!("{title} · {}", job_words::SITE_NAME),
            has_islands: false,
            is_unfinished: false,
            scope: None,
            redirect: None,
            view: Box::new(move || view().into_any()),
        }
    }

    /// Creates a redirect to another address.
    fn redirect(address: String) -> Self {
        Self { redirect: Some(address), ..Self::new(StatusCode::SEE_OTHER, "", || ()) }
    }
}

/// The link back to the home page.
fn back() -> impl IntoView {
    view! { <p><a href=crate::root::address("/")>{job_words::BACK}</a></p> }
}
