//! The status of an entry and the details shown with it.

use leptos::prelude::*;
use protocol::{Entry, Status};

use crate::{job_words, wording};

/// The status as a word with a coloured dot.
pub fn status(status: Status) -> impl IntoView {
    view! { <span class="status" data-status=status.as_str()>{status.as_str()}</span> }
}

/// The progress of a long computation while it runs.
pub fn progress(entry: &Entry) -> Option<impl IntoView + use<>> {
    let progress = entry.progress.filter(|_| entry.status == Status::Computing)?;
    let label = format!("Progress of {}", job_words::notation(entry.index));
    Some(
        view! { <progress class="progress" max="1" value=format!("{progress:.3}") aria-label=label></progress> },
    )
}

/// The reason the entry failed or is still pending.
pub fn reason(entry: &Entry) -> Option<impl IntoView + use<>> {
    let reason = entry.reason.clone()?;
    Some(view! { <p class="reason">{reason}</p> })
}

/// The facts about the entry, in one line.
pub fn facts(entry: &Entry) -> impl IntoView + use<> {
    let facts = wording::facts(entry).into_iter();
    let facts: Vec<_> = facts.map(|fact| view! { <span title=fact.title>{fact.text}</span> }).collect();
    view! { <p class="facts">{facts}</p> }
}
