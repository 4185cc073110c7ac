//! What is shown when there is nothing to show.

use leptos::prelude::*;
use protocol::{
    Index, IndexError,
    names::{API_PREFIX, VALUES_ROUTE},
};

use crate::wording;

pub(super) fn page() -> impl IntoView {
    view! {
        <article class="missing">
            <h1>"There is no such page"</h1>
            <p><a href="/">"Go back home"</a></p>
        </article>
    }
}

pub(super) fn never_submitted(index: Index) -> impl IntoView {
    let name = wording::name(index);
    view! {
        <article class="missing">
            <h1>{name.clone()}</h1>
            <p class="lead">"Nobody has submitted this index yet."</p>
            <form method="post" action=format!("{API_PREFIX}{VALUES_ROUTE}")>
                <input type="hidden" name="index" value=index.to_string() />
                <button type="submit" class="button">{format!("Compute {name}")}</button>
            </form>
            <p><a href="/">"Go back home"</a></p>
        </article>
    }
}

pub(super) fn no_index(error: &IndexError) -> impl IntoView + use<> {
    view! {
        <article class="missing">
            <h1>"There is no such value"</h1>
            <p class="lead">{error.to_string()}</p>
            <p><a href="/">"Go back home"</a></p>
        </article>
    }
}

pub(super) fn unavailable() -> impl IntoView {
    view! {
        <article class="missing">
            <h1>"The database does not answer"</h1>
            <p class="lead">"Nothing is lost. Reload this page in a moment."</p>
            <p><a href="/">"Go back home"</a></p>
        </article>
    }
}
