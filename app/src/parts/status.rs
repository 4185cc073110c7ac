//! The status of an entry and the details shown with it. They are updated with the entry, if there is one.

use leptos::prelude::*;
use protocol::{Entry, Status};

use super::replaced::{TextElement, replaced_texts};
use crate::{job_words, wording};

/// The status as a word with a coloured dot.
pub fn status(entry: Memo<Option<Entry>>) -> impl IntoView {
    let element = |entry: &Entry| {
        let word = entry.status.as_str();
        TextElement {
            tag: "span",
            class: Some("status"),
            status: Some(word),
            title: None,
            text: word.to_owned(),
        }
    };
    replaced_texts(move || of(entry, element))
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
    let element = |entry: &Entry| Some(paragraph("reason", entry.reason.clone()?));
    replaced_texts(move || of(entry, element).flatten())
}

/// A beginning of the value, or all of it if it is short.
pub fn brief_value(entry: Memo<Option<Entry>>) -> impl IntoView {
    let element = |entry: &Entry| Some(paragraph("brief-value", entry.outcome.as_ref().map(wording::brief)?));
    replaced_texts(move || of(entry, element).flatten())
}

fn paragraph(class: &'static str, text: String) -> TextElement {
    TextElement { tag: "p", class: Some(class), text, ..TextElement::default() }
}

/// The facts about the entry, in one line.
pub fn facts(entry: Memo<Option<Entry>>) -> impl IntoView {
    let element = |fact: wording::Fact| TextElement {
        tag: "span",
        title: fact.title,
        text: fact.text,
        ..TextElement::default()
    };
    let elements = move || of(entry, wording::facts).into_iter().flatten().map(element);
    view! { <p class="facts">{replaced_texts(elements)}</p> }
}

fn of<T>(entry: Memo<Option<Entry>>, get: impl Fn(&Entry) -> T) -> Option<T> {
    entry.with(|entry| entry.as_ref().map(get))
}
