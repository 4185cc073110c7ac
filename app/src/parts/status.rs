//! The status of an entry and the details shown with it. They are updated with the entry, if there is one.

use leptos::prelude::*;
use protocol::{Entry, Status};

use super::replaced;
use crate::{job_words, wording};

/// The status as a word with a coloured dot.
pub fn status(entry: Memo<Option<Entry>>) -> impl IntoView {
    let view =
        |status: Status| view! { <span class="status" data-status=status.as_str()>{status.as_str()}</span> };
    replaced(move || of(entry, |entry| entry.status), move |status| status.map(view))
}

/// The progress of a long computation while it runs.
pub fn progress(entry: Memo<Option<Entry>>) -> impl IntoView {
    let running = |entry: &Entry| {
        let progress = entry.progress.filter(|_| entry.status == Status::Computing)?;
        let label = format!("Progress of {}", job_words::notation(entry.index));
        Some(
            view! { <progress class="progress" max="1" value=format!("{progress:.3}") aria-label=label></progress> },
        )
    };
    // The bar has no text, so it can change in place and move smoothly.
    move || of(entry, running).flatten()
}

/// The reason the entry failed or is still pending.
pub fn reason(entry: Memo<Option<Entry>>) -> impl IntoView {
    let view = |reason: String| view! { <p class="reason">{reason}</p> };
    replaced(move || of(entry, |entry| entry.reason.clone()).flatten(), move |reason| reason.map(view))
}

/// The facts about the entry, in one line.
pub fn facts(entry: Memo<Option<Entry>>) -> impl IntoView {
    let fact = |fact: wording::Fact| view! { <span title=fact.title>{fact.text}</span> };
    let facts = replaced(
        move || of(entry, wording::facts).unwrap_or_default(),
        move |facts| facts.into_iter().map(fact).collect::<Vec<_>>(),
    );
    view! { <p class="facts">{facts}</p> }
}

fn of<T>(entry: Memo<Option<Entry>>, get: impl Fn(&Entry) -> T) -> Option<T> {
    entry.with(|entry| entry.as_ref().map(get))
}
