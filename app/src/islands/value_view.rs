//! One value and its timeline.

use leptos::{prelude::*, task::spawn_local};
use protocol::{Entry, Index, Outcome, Timeline};

use crate::{
    api, clipboard,
    islands::Prop,
    job_words,
    live::{self, EntryUpdate, Fetch, Subscription},
    parts, wording,
};

/// One value and its timeline, kept up to date.
#[island]
pub fn ValueView(
    /// The entry at the time of rendering.
    entry: Prop<Entry>,
) -> impl IntoView {
    let Prop(entry) = entry;
    let index = entry.index;
    let entry = RwSignal::new(entry);
    Effect::new(move || {
        let apply = move |update: EntryUpdate<'_>| {
            entry
                .maybe_update(|entry| update.entries().iter().filter(|later| entry.merge(later)).count() > 0);
        };
        live::subscribe(Subscription::new(move || Some(Fetch::Entry(index)), apply));
    });
    let outcome = Memo::new(move |_| entry.with(|entry| entry.outcome.clone()));
    let timeline = Memo::new(move |_| entry.with(|entry| entry.timeline));
    let shown = Memo::new(move |_| Some(entry.get()));
    let value = move |outcome: Outcome| {
        view! {
            {parts::value(&outcome)}
            <div class="actions">
                <a class="button" href=parts::download_page(index)>"Download"</a>
                {copy_button(outcome, index)}
            </div>
        }
    };
    let value = view! {
        <div class="summary" role="status">
            {parts::status(shown)} {parts::facts(shown)} {parts::progress(shown)} {parts::reason(shown)}
        </div>
        {parts::replaced(move || outcome.get(), move |outcome| outcome.map(value))}
    };
    let steps = |timeline: Timeline| view! { {received(&timeline)} {parts::timeline(&timeline)} };
    let timeline = view! {
        <section class="timeline" aria-labelledby="timeline">
            <h2 id="timeline">"What happened"</h2>
            {parts::replaced(move || timeline.get(), steps)}
        </section>
    };
    (value, timeline)
}

fn received(timeline: &Timeline) -> Option<impl IntoView + use<>> {
    let (for_machines, for_people) = wording::timestamp(timeline.accepted_us?);
    Some(view! { <p class="aside">"Received at " <time datetime=for_machines>{for_people}</time></p> })
}

/// The button that copies the whole value, and a message with the result. Hidden where copying cannot work:
/// without scripts, and on an insecure origin.
fn copy_button(outcome: Outcome, index: Index) -> impl IntoView {
    let available = RwSignal::new(false);
    let result = RwSignal::new(String::new());
    Effect::new(move || available.set(clipboard::is_available()));
    let copy = move |_| {
        let outcome = outcome.clone();
        result.set("Copying…".to_owned());
        spawn_local(async move {
            let value = match outcome {
                Outcome::Whole { value } => Ok(value),
                Outcome::Long { .. } => api::fetch_digits(index).await,
            };
            result.set(match value {
                Ok(value) if clipboard::copy(&value).await => "Copied.".to_owned(),
                Ok(_) => "Your browser didn’t allow copying. Use Download instead.".to_owned(),
                Err(_) => {
                    format!("The {} aren’t available right now. Try again in a moment.", job_words::UNIT.1)
                }
            });
        });
    };
    view! {
        <button type="button" class="button" hidden=move || !available.get() on:click=copy>"Copy"</button>
        <span class="copy-result" role="status">{parts::replaced_text(move || result.get())}</span>
    }
}
