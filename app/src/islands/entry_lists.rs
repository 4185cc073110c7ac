//! The recently requested indexes and their values, newest first.

use leptos::prelude::*;
use protocol::{Entry, Index};

use crate::{
    job_words,
    listing::Listing,
    live::{self, EntryUpdate, Fetch, Subscription},
    parts, wording,
};

/// Both lists of one page of entries.
#[island]
pub fn EntryLists(
    /// The entries at the time of rendering, newest first.
    entries: Vec<Entry>,
    /// True for the newest page, to which new entries are added.
    first_page: bool,
    /// True if there are older entries.
    more: bool,
) -> impl IntoView {
    let listing = RwSignal::new(Listing::from_parts(entries, first_page, more));
    Effect::new(move || subscribe(listing));
    // The lists are updated only when their order changes; each row tracks its own entry.
    let order = Memo::new(move |_| listing.with(Listing::indexes));
    let older = Memo::new(move |_| listing.with(Listing::older));
    let newer = listing.with_untracked(Listing::newer);
    let is_empty = move || order.with(Vec::is_empty);
    let recent = view! {
        <section class="recent" aria-labelledby="recent">
            <h2 id="recent">"Recently requested"</h2>
            <ul class="indexes" hidden=is_empty>
                <For each=move || order.get() key=|index| *index let:index>
                    {index_item(listing, index)}
                </For>
            </ul>
            <p class="empty" hidden=move || !is_empty()>"None yet."</p>
        </section>
    };
    let pages = view! {
        <nav class="pages" aria-label="Pages of entries">
            <a href=crate::root::address("/") hidden=first_page>"Newest"</a>
            <a href=crate::root::address(&format!("/?after={}", newer.unwrap_or_default())) hidden=newer.is_none()>"Newer"</a>
            <a
                href=move || crate::root::address(&format!("/?before={}", older.get().unwrap_or_default()))
                hidden=move || older.get().is_none()
            >
                "Older"
            </a>
        </nav>
    };
    let values = view! {
        <section class="values" aria-labelledby="values">
            <h2 id="values">{job_words::VALUES_HEADING}</h2>
            <ul hidden=is_empty>
                <For each=move || order.get() key=|index| *index let:index>
                    {value_item(listing, index)}
                </For>
            </ul>
            <p class="empty" hidden=move || !is_empty()>{job_words::NO_VALUES}</p>
            {pages}
        </section>
    };
    (recent, values)
}

fn subscribe(listing: RwSignal<Listing>) {
    let fetch = move || listing.with_untracked(Listing::query).map(Fetch::Page);
    let apply = move |update: EntryUpdate<'_>| {
        listing.maybe_update(|listing| match update {
            EntryUpdate::Fetched(Fetch::Page(query), page) => listing.merge_page(page, query.limit),
            _ => update.entries().iter().filter(|entry| listing.merge(entry)).count() > 0,
        });
    };
    live::subscribe(Subscription::new(fetch, apply));
}

/// Tracks one entry, and keeps its last state while its row is being removed.
fn track(listing: RwSignal<Listing>, index: Index) -> Memo<Option<Entry>> {
    // Every change of the list runs this for every row, so an unchanged entry is not copied.
    Memo::new_owning(move |last: Option<Option<Entry>>| {
        let last = last.flatten();
        listing.with(|listing| match listing.entry(index) {
            Some(entry) if last.as_ref() != Some(entry) => (Some(entry.clone()), true),
            _ => (last, false),
        })
    })
}

fn index_item(listing: RwSignal<Listing>, index: Index) -> impl IntoView {
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

fn value_item(listing: RwSignal<Listing>, index: Index) -> impl IntoView {
    let entry = track(listing, index);
    let brief = move || entry.with(|entry| entry.as_ref()?.outcome.as_ref().map(wording::brief));
    view! {
        <li class="value" data-index=index.to_string()>
            <h3><a href=parts::value_page(index)>{job_words::notation(index)}</a></h3>
            {parts::status(entry)}
            {parts::replaced(brief, |brief| brief.map(|brief| view! { <p class="brief-value">{brief}</p> }))}
            {parts::progress(entry)}
            {parts::reason(entry)}
            {parts::facts(entry)}
        </li>
    }
}
