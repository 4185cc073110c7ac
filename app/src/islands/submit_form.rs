//! The form that submits an index, and what became of it.

use leptos::{ev::SubmitEvent, html, prelude::*, task::spawn_local};
use protocol::{
    Entry, Index, MaxIndex, Problem,
    names::{API_PREFIX, VALUES_ROUTE},
};

use crate::{
    api::{self, Failure},
    live::{self, Fresh, Watcher},
    parts, wording,
};

/// What the form says.
#[derive(Clone, Copy)]
struct Said {
    /// What is wrong with what was typed.
    mistake: RwSignal<Option<String>>,
    /// Why it could not be submitted: what, and what to do.
    trouble: RwSignal<Option<(String, String)>>,
    /// What became of it.
    answer: RwSignal<Option<Entry>>,
    /// It is on its way.
    sending: RwSignal<bool>,
    /// News heard meanwhile: a small number is computed before the answer to its submission is here.
    overtook: StoredValue<Vec<Entry>>,
}

/// The form that submits an index. Without scripts the browser posts it, and the page that comes back
/// has the answer; with them it is checked first, sent from here, and the answer stays up to date.
#[island]
pub fn SubmitForm(
    /// What may be submitted.
    max: MaxIndex,
    /// What was typed before, if that was wrong.
    typed: String,
    /// What was wrong with it.
    mistake: Option<String>,
    /// Why it could not be submitted: what, and what to do.
    trouble: Option<(String, String)>,
    /// What became of what was submitted before.
    answer: Option<Entry>,
) -> impl IntoView {
    let said = Said {
        mistake: RwSignal::new(mistake),
        trouble: RwSignal::new(trouble),
        answer: RwSignal::new(answer),
        sending: RwSignal::new(false),
        overtook: StoredValue::new(Vec::new()),
    };
    let field = NodeRef::<html::Input>::new();
    Effect::new(move || said.listen());
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if let Some(field) = field.get_untracked() {
            said.submit(field, max);
        }
    };
    let wrong = move || said.mistake.with(Option::is_some);
    let form = view! {
        <form class="submit" method="post" action=format!("{API_PREFIX}{VALUES_ROUTE}") on:submit=submit novalidate>
            <label for="index">"Enter your index"</label>
            <div class="field">
                <input
                    id="index"
                    name="index"
                    type="text"
                    inputmode="numeric"
                    autocomplete="off"
                    value=typed
                    placeholder="7"
                    aria-describedby="index-hint index-mistake"
                    aria-invalid=move || wrong().then_some("true")
                    node_ref=field
                />
                <button type="submit" class="button" aria-disabled=move || said.sending.get().then_some("true")>
                    "Submit"
                </button>
            </div>
            <p id="index-hint" class="hint">{format!("A whole number from 0 to {max}.")}</p>
            <p id="index-mistake" class="mistake" role="alert">{said.mistake}</p>
        </form>
    };
    let outcome = view! {
        <div class="trouble" role="alert">
            {move || said.trouble.get().map(|(title, detail)| view! { <strong>{title}</strong> <p>{detail}</p> })}
        </div>
        <div class="answer">
            <p role="status">{move || said.answer.with(|answer| answer.as_ref().map(sentence))}</p>
            {move || said.answer.with(|answer| answer.as_ref().and_then(parts::progress))}
        </div>
    };
    (form, outcome)
}

fn sentence(entry: &Entry) -> impl IntoView + use<> {
    let name = wording::name(entry.index);
    let answer = wording::answer(entry);
    let rest = answer.strip_prefix(&name).unwrap_or(&answer).to_owned();
    view! {
        <span class="sentence" data-status=entry.status.as_str()>
            <a href=parts::value_page(entry.index)>{name}</a>
            {rest}
        </span>
    }
}

impl Said {
    fn submit(self, field: web_sys::HtmlInputElement, max: MaxIndex) {
        if self.sending.get_untracked() {
            return;
        }
        match Index::parse(&field.value(), max) {
            Ok(index) => self.send(index, field),
            Err(error) => self.refuse(error.to_string(), &field),
        }
    }

    fn send(self, index: Index, field: web_sys::HtmlInputElement) {
        self.sending.set(true);
        self.overtook.set_value(Vec::new());
        self.mistake.set(None);
        self.trouble.set(None);
        spawn_local(async move {
            match api::submit(index).await {
                Ok(mut entry) => {
                    field.set_value("");
                    self.overtook.with_value(|news| {
                        for later in news {
                            entry.merge(later);
                        }
                    });
                    self.answer.set(Some(entry.clone()));
                    live::tell(&entry);
                }
                Err(Failure::Problem(problem)) if problem.status == 422 => {
                    self.refuse(problem.detail.unwrap_or(problem.title), &field);
                }
                Err(failure) => {
                    self.answer.set(None);
                    self.trouble.set(Some(trouble(failure)));
                }
            }
            self.sending.set(false);
        });
    }

    fn refuse(self, mistake: String, field: &web_sys::HtmlInputElement) {
        self.answer.set(None);
        self.trouble.set(None);
        self.mistake.set(Some(mistake));
        // It fails for elements alone that can't take the focus.
        let _ = field.focus();
    }

    /// Keeps the answer up to date until it is final.
    fn listen(self) {
        let shows = move || {
            let unfinished = |entry: &&Entry| entry.outcome.is_none();
            self.answer.with_untracked(|answer| {
                answer.as_ref().filter(unfinished).map(|entry| Fresh::Entry(entry.index))
            })
        };
        let take = move |news: &[Entry], _| {
            if self.sending.get_untracked() {
                self.overtook.update_value(|overtook| overtook.extend_from_slice(news));
            }
            self.answer.maybe_update(|answer| match answer {
                Some(answer) => news.iter().filter(|entry| answer.merge(entry)).count() > 0,
                None => false,
            });
        };
        live::watch(Watcher::new(shows, take));
    }
}

fn trouble(failure: Failure) -> (String, String) {
    match failure {
        Failure::Problem(Problem { title, detail, .. }) => (title, detail.unwrap_or_default()),
        Failure::Unreachable => (
            "The server can’t be reached".to_owned(),
            "Your index was not submitted. Check the connection and try again.".to_owned(),
        ),
    }
}
