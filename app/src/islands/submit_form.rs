//! The form that submits an index, with the answer below it.

use leptos::{ev::SubmitEvent, html, prelude::*, task::spawn_local};
use protocol::{Entry, FormProblem, Index, IndexRange, Problem, Status, names::VALUES_ROUTE};

use crate::{
    api::{self, ApiError},
    job_words,
    live::{self, EntryUpdate, Fetch, Subscription},
    parts, wording,
};

/// The state of the form.
#[derive(Clone, Copy)]
struct FormState {
    /// Problem with the text in the field.
    mistake: RwSignal<Option<String>>,
    /// Reason the index could not be submitted: a title and what to do.
    trouble: RwSignal<Option<(String, String)>>,
    /// The entry of the index submitted last.
    answer: RwSignal<Option<Entry>>,
    /// True while a submission is in progress.
    sending: RwSignal<bool>,
    /// Entries received during a submission: events about a small index may arrive before the response.
    early_events: StoredValue<Vec<Entry>>,
}

/// The form that submits an index. Without scripts, the browser posts it and is redirected to a page
/// with the answer. With scripts, the page checks and sends the index itself and keeps the answer up to
/// date.
#[island]
pub fn SubmitForm(
    /// The indexes allowed.
    allowed: IndexRange,
    /// Initial text in the field: the text that was submitted before, if it was not accepted.
    typed: String,
    /// Problem with that text.
    mistake: Option<String>,
    /// Reason the text could not be submitted: a title and what to do.
    trouble: Option<(String, String)>,
    /// The entry of the index that was submitted before.
    answer: Option<Entry>,
) -> impl IntoView {
    let state = FormState {
        mistake: RwSignal::new(mistake),
        trouble: RwSignal::new(trouble),
        answer: RwSignal::new(answer),
        sending: RwSignal::new(false),
        early_events: StoredValue::new(Vec::new()),
    };
    let field = NodeRef::<html::Input>::new();
    Effect::new(move || state.subscribe());
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if let Some(field) = field.get_untracked() {
            state.submit(field, allowed);
        }
    };
    let is_wrong = move || state.mistake.with(Option::is_some);
    let form = view! {
        <form class="submit" method="post" action=crate::root::api_address(VALUES_ROUTE) on:submit=submit novalidate>
            <label for="index">{job_words::FIELD_LABEL}</label>
            <div class="field">
                <input
                    id="index"
                    name="index"
                    type="text"
                    inputmode="numeric"
                    autocomplete="off"
                    value=typed
                    placeholder=job_words::PLACEHOLDER
                    aria-describedby="index-hint index-mistake"
                    aria-invalid=move || is_wrong().then_some("true")
                    node_ref=field
                />
                <button type="submit" class="button" aria-disabled=move || state.sending.get().then_some("true")>
                    "Compute"
                </button>
            </div>
            <p id="index-hint" class="hint">{format!("Any whole number from {allowed}")}</p>
            <p id="index-mistake" class="mistake" role="alert">
                {parts::replaced_text(move || state.mistake.get().unwrap_or_default())}
            </p>
        </form>
    };
    let trouble = |(title, detail): (String, String)| view! { <strong>{title}</strong> <p>{detail}</p> };
    let answer = Memo::new(move |_| state.answer.get());
    let answered = move || answer.with(|answer| answer.as_ref().map(Answered::of));
    let outcome = view! {
        <div class="trouble" role="alert">
            {parts::replaced(move || state.trouble.get(), move |reason| reason.map(trouble))}
        </div>
        <div class="answer">
            <p role="status">{parts::replaced(answered, |answered| answered.map(sentence))}</p>
            {parts::progress(answer)}
        </div>
    };
    (form, outcome)
}

/// The parts of an entry that the sentence below the form shows.
#[derive(Clone, PartialEq)]
struct Answered {
    index: Index,
    status: Status,
    answer: String,
}

impl Answered {
    fn of(entry: &Entry) -> Self {
        Self { index: entry.index, status: entry.status, answer: wording::answer(entry) }
    }
}

fn sentence(Answered { index, status, answer }: Answered) -> impl IntoView {
    let name = job_words::notation(index);
    let rest = answer.strip_prefix(&name).unwrap_or(&answer).to_owned();
    view! {
        <span class="sentence" data-status=status.as_str()>
            <a href=parts::value_page(index)>{name}</a>
            {rest}
        </span>
    }
}

impl FormState {
    fn submit(self, field: web_sys::HtmlInputElement, allowed: IndexRange) {
        if self.sending.get_untracked() {
            return;
        }
        match Index::parse(&field.value(), allowed) {
            Ok(index) => self.send(index, allowed, field),
            Err(error) => self.reject(wording::mistake(&error), &field),
        }
    }

    fn send(self, index: Index, allowed: IndexRange, field: web_sys::HtmlInputElement) {
        self.sending.set(true);
        self.early_events.set_value(Vec::new());
        self.mistake.set(None);
        self.trouble.set(None);
        spawn_local(async move {
            match api::submit(index).await {
                Ok(mut entry) => {
                    field.set_value("");
                    self.early_events.with_value(|events| {
                        for later in events {
                            entry.merge(later);
                        }
                    });
                    self.answer.set(Some(entry.clone()));
                    live::publish(std::slice::from_ref(&entry));
                }
                Err(ApiError::Problem(problem)) if problem.status == 422 => {
                    self.reject(rejection(index, allowed, problem), &field);
                }
                Err(error) => {
                    self.answer.set(None);
                    self.trouble.set(Some(trouble(error)));
                }
            }
            self.sending.set(false);
        });
    }

    fn reject(self, mistake: String, field: &web_sys::HtmlInputElement) {
        self.answer.set(None);
        self.trouble.set(None);
        self.mistake.set(Some(mistake));
        // Fails only for elements that cannot be focused.
        let _ = field.focus();
    }

    /// Keeps the answer up to date until it is final.
    fn subscribe(self) {
        let fetch = move || {
            let unfinished = |entry: &&Entry| entry.outcome.is_none();
            self.answer.with_untracked(|answer| {
                answer.as_ref().filter(unfinished).map(|entry| Fetch::Entry(entry.index))
            })
        };
        let apply = move |update: EntryUpdate<'_>| {
            let entries = update.entries();
            if self.sending.get_untracked() {
                self.early_events.update_value(|events| events.extend_from_slice(entries));
            }
            self.answer.maybe_update(|answer| match answer {
                Some(answer) => entries.iter().filter(|entry| answer.merge(entry)).count() > 0,
                None => false,
            });
        };
        live::subscribe(Subscription::new(fetch, apply));
    }
}

/// Explains why the server rejected an index that the page accepted. The server may have been restarted
/// with a lower maximum since the page was loaded.
fn rejection(index: Index, allowed: IndexRange, problem: Problem) -> String {
    let highest = problem.max_index.and_then(|max| Index::try_from(max).ok());
    match highest.map(|highest| IndexRange { highest, ..allowed }.check(index)) {
        Some(Err(error)) => wording::mistake(&error),
        _ => problem.detail.unwrap_or(problem.title),
    }
}

fn trouble(error: ApiError) -> (String, String) {
    match error {
        ApiError::Problem(Problem { status: 429, .. }) => wording::form_problem(FormProblem::Busy),
        ApiError::Problem(Problem { status: 503, .. }) => wording::form_problem(FormProblem::Unavailable),
        ApiError::Problem(Problem { title, detail, .. }) => (title, detail.unwrap_or_default()),
        ApiError::Unreachable => (
            "Can’t reach the server".to_owned(),
            "Your request may not have arrived. We’ll keep trying to reconnect; press Compute again when the dot is green."
                .to_owned(),
        ),
    }
}
