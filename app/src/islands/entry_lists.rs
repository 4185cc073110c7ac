//! The indexes seen and the values calculated, newest first.

use leptos::prelude::*;
use protocol::{Entry, Index};

use crate::{
    listing::Listing,
    live::{self, Fresh, Watcher},
    parts, wording,
};

/// Both lists of the first page, or of an older one.
#[island]
pub fn EntryLists(
    /// What the server knew, newest first.
    entries: Vec<Entry>,
    /// The newest page takes new entries in.
    first_page: bool,
    /// There are older entries.
    more: bool,
) -> impl IntoView {
    let listing = RwSignal::new(Listing::shown(entries, first_page, more));
    Effect::new(move || listen(listing));
    // The lists are put in order only when the order changes; each row follows its own entry.
    let order = Memo::new(move |_| listing.with(Listing::indexes));
    let older = Memo::new(move |_| listing.with(Listing::older));
    let nothing = move || order.with(Vec::is_empty);
    let seen = view! {
        <section class="seen" aria-labelledby="seen">
            <h2 id="seen">"Indexes I have seen"</h2>
            <ul class="indexes">
                <For each=move || order.get() key=|index| *index let:index>
                    {seen(listing, index)}
                </For>
            </ul>
            <p class="nothing" hidden=move || !nothing()>"None yet."</p>
        </section>
    };
    let pages = view! {
        <nav class="pages" aria-label="Pages of entries">
            <a href="/" hidden=first_page>"Newest"</a>
            <a
                href=move || format!("/?before={}", older.get().unwrap_or_default())
                hidden=move || older.get().is_none()
            >
                "Older"
            </a>
        </nav>
    };
    let calculated = view! {
        <section class="calculated" aria-labelledby="calculated">
            <h2 id="calculated">"Calculated values"</h2>
            <ul class="values">
                <For each=move || order.get() key=|index| *index let:index>
                    {calculated(listing, index)}
                </For>
            </ul>
            <p class="nothing" hidden=move || !nothing()>"Submit an index, and its value appears here."</p>
            {pages}
        </section>
    };
    (seen, calculated)
}

fn listen(listing: RwSignal<Listing>) {
    let shows = move || listing.with_untracked(Listing::query).map(Fresh::Page);
    let take = move |news: &[Entry], answer: Option<Fresh>| {
        listing.maybe_update(|listing| match answer {
            Some(Fresh::Page(query)) => listing.take_page(news, query.limit),
            _ => news.iter().filter(|entry| listing.take(entry)).count() > 0,
        });
    };
    live::watch(Watcher::new(shows, take));
}

/// Follows one entry; it stays what it was while its row is being taken away.
fn follow(listing: RwSignal<Listing>, index: Index) -> Memo<Option<Entry>> {
    Memo::new(move |before: Option<&Option<Entry>>| {
        listing.with(|listing| listing.entry(index).cloned()).or_else(|| before.cloned().flatten())
    })
}

fn seen(listing: RwSignal<Listing>, index: Index) -> impl IntoView {
    let status = Memo::new(move |_| listing.with(|listing| listing.entry(index).map(|entry| entry.status)));
    let word = move || status.get().map_or("", protocol::Status::as_str);
    view! {
        <li>
            <a class="index" href=parts::value_page(index) data-status=word title=word>
                {index.to_string()}
            </a>
        </li>
    }
}

fn calculated(listing: RwSignal<Listing>, index: Index) -> impl IntoView {
    let entry = follow(listing, index);
    let row = move || entry.with(|entry| entry.as_ref().map(details));
    view! {
        <li class="value" data-index=index.to_string()>
            <h3><a href=parts::value_page(index)>{wording::name(index)}</a></h3>
            {row}
        </li>
    }
}

fn details(entry: &Entry) -> impl IntoView + use<> {
    let value = entry.outcome.as_ref().map(|outcome| {
        view! { <p class="digits">{wording::brief(outcome)}</p> }
    });
    let facts: Vec<_> = wording::facts(entry).into_iter().map(|fact| view! { <span>{fact}</span> }).collect();
    let reason = entry.reason.clone().map(|reason| view! { <p class="reason">{reason}</p> });
    view! {
        {parts::state(entry.status)}
        {value}
        {parts::progress(entry)}
        {reason}
        <p class="facts">{facts}</p>
    }
}
