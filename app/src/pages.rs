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
    /// Condition under which the page reloads itself.
    pub(crate) reload: Reload,
    /// The entries that it shows, if it may be kept until one of them changes.
    pub(crate) scope: Option<Scope>,
    /// Address to redirect to instead of showing the page, without the site's prefix.
    pub(crate) redirect: Option<String>,
    /// The content of `<main>`.
    pub(crate) view: Box<dyn Fn() -> AnyView + Send + Sync>,
}

/// Condition under which a page reloads itself after a moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reload {
    /// Never: the page changes only when someone submits an index, or not at all.
    Never,
    /// If scripts are off: the page shows something that will soon change. With scripts, its islands update it.
    WithoutScripts,
    /// Always: the page waits for something.
    Always,
}

impl Reload {
    const fn if_unfinished(unfinished: bool) -> Self {
        if unfinished { Self::WithoutScripts } else { Self::Never }
    }
}

impl Page {
    /// Creates a page with the name of the site in its title.
    fn new<V: IntoAny>(
        status: StatusCode,
        title: &str,
        view: impl Fn() -> V + Send + Sync + 'static,
    ) -> Self {
        Self {
            status,
            title: format!("{title} · {}", job_words::SITE_NAME),
            reload: Reload::Never,
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
