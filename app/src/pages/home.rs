//! The form, the indexes seen, the values calculated.

use leptos::prelude::*;

use crate::{
    islands::{EntryLists, SubmitForm},
    source::HomeShown,
};

pub(super) fn page(shown: &HomeShown) -> impl IntoView + use<> {
    let trouble = shown.problem.map(|problem| {
        let (title, detail) = problem.words();
        (title.to_owned(), detail.to_owned())
    });
    let unread = shown.listing.is_none().then(|| {
        view! {
            <p class="notice">
                "The database does not answer, so the entries can’t be shown just now. They come back with it."
            </p>
        }
    });
    let (entries, first_page, more) = shown.listing.as_ref().map_or_else(
        || (Vec::new(), true, false),
        |listing| (listing.entries().to_vec(), listing.is_first_page(), listing.older().is_some()),
    );
    view! {
        <div class="home">
            <section class="ask" aria-labelledby="title">
                <h1 id="title">"Fibonacci calculator"</h1>
                <p class="lead">"Submit an index. A worker computes its number, exactly, and everyone watching sees it."</p>
                <SubmitForm
                    max=shown.max
                    typed=shown.typed.clone()
                    mistake=shown.mistake.as_ref().map(ToString::to_string)
                    trouble
                    answer=shown.answer.clone()
                />
            </section>
            {unread}
            <EntryLists entries first_page more />
        </div>
    }
}
