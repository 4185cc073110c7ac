//! One value with all that is known of it.

use leptos::{prelude::*, task::spawn_local};
use protocol::{Entry, Outcome};

use crate::{
    api, clipboard,
    live::{self, Fresh, Watcher},
    parts, wording,
};

/// One value with all that is known of it, up to date.
#[island]
pub fn ValueView(
    /// What the server knew.
    entry: Entry,
) -> impl IntoView {
    let index = entry.index;
    let entry = RwSignal::new(entry);
    Effect::new(move || {
        let take = move |news: &[Entry], _| {
            entry.maybe_update(|entry| news.iter().filter(|news| entry.merge(news)).count() > 0);
        };
        live::watch(Watcher::new(move || Some(Fresh::Entry(index)), take));
    });
    let outcome = Memo::new(move |_| entry.with(|entry| entry.outcome.clone()));
    let timeline = Memo::new(move |_| entry.with(|entry| entry.timeline));
    let standing = move || entry.with(standing);
    let value = move || {
        outcome.with(|outcome| {
            outcome.as_ref().map(|outcome| {
                view! {
                    {parts::figure(outcome)}
                    <div class="actions">
                        <a class="button" href=api::digits_address(index) download=format!("{}.txt", wording::name(index))>
                            "Download"
                        </a>
                        {copy_button(outcome.clone(), entry)}
                    </div>
                }
            })
        })
    };
    let value = view! {
        <div class="standing" role="status">{standing}</div>
        {value}
    };
    let timeline = view! {
        <section class="timeline" aria-labelledby="timeline">
            <h2 id="timeline">"What happened"</h2>
            {move || accepted(&timeline.get())}
            {move || parts::timetable(&timeline.get())}
        </section>
    };
    (value, timeline)
}

fn standing(entry: &Entry) -> impl IntoView + use<> {
    let facts: Vec<_> = wording::facts(entry).into_iter().map(|fact| view! { <span>{fact}</span> }).collect();
    let reason = entry.reason.clone().map(|reason| view! { <p class="reason">{reason}</p> });
    view! {
        {parts::state(entry.status)}
        <p class="facts">{facts}</p>
        {parts::progress(entry)}
        {reason}
    }
}

fn accepted(timeline: &protocol::Timeline) -> Option<impl IntoView + use<>> {
    let (machine, people) = wording::moment(timeline.accepted_us?);
    Some(view! { <p class="aside">"Accepted " <time datetime=machine>{people}</time></p> })
}

/// Copies all digits and says whether it could. Hidden where it cannot work: without scripts, and
/// on an insecure origin.
fn copy_button(outcome: Outcome, entry: RwSignal<Entry>) -> impl IntoView {
    let able = RwSignal::new(false);
    let said = RwSignal::new("");
    Effect::new(move || able.set(clipboard::is_there()));
    let copy = move |_| {
        let outcome = outcome.clone();
        let index = entry.with_untracked(|entry| entry.index);
        said.set("Copying…");
        spawn_local(async move {
            let digits = match outcome {
                Outcome::Whole { value } => Ok(value),
                Outcome::Long { .. } => api::digits(index).await,
            };
            said.set(match digits {
                Ok(digits) if clipboard::copy(&digits).await => "Copied.",
                Ok(_) => "The browser did not allow copying. Use Download instead.",
                Err(_) => "The digits can’t be had just now. Try again shortly.",
            });
        });
    };
    view! {
        <button type="button" class="button" hidden=move || !able.get() on:click=copy>"Copy"</button>
        <span class="said" role="status">{said}</span>
    }
}
