//! The page “How it works”.

mod diagram;

use axum::http::StatusCode;
use leptos::prelude::*;
use store::Scope;

use super::{Page, PageRequest, back};
use crate::job_words;

/// The path of one request, numbered as in the diagram.
const STEPS: [(&str, &str); 6] = [
    (
        "The server records the index.",
        "It says yes only once Postgres has saved it. From then on it can’t be lost.",
    ),
    (
        "It adds the index to the pending list",
        "in Redis, and publishes it on the channel “insert”. The message only wakes the workers; the list is what counts.",
    ),
    (
        "One worker claims it.",
        "The claim is a lease that expires unless it is renewed. However many workers get the message, only one computes.",
    ),
    (
        "The worker writes the result",
        "to the hash “values” and removes the index from the list, in one step, so nothing is left half done.",
    ),
    ("The servers are told.", job_words::VERIFICATION),
    ("Everyone watching sees it,", "over one stream of server-sent events that all tabs of a browser share."),
];

/// Consequences of each part failing.
const FAILURES: [(&str, &str); 6] = [
    ("A worker", "Its lease expires and another worker claims the index. The result is late, but not lost."),
    (
        "A server",
        "Everything it accepted is safe in Postgres, and the other servers carry on. Browsers reconnect on their own and catch up.",
    ),
    (
        "Redis",
        "Requests are still accepted. When Redis comes back, even empty, the pending list is rebuilt from Postgres.",
    ),
    (
        "Postgres",
        "Nothing is accepted, and the page says so: better no answer than a promise that might be forgotten. Workers finish what they have started.",
    ),
    ("A message", "No message is the only copy of anything. Workers and servers also check on their own."),
    ("Your connection", "The page says it is reconnecting, then catches up. An entry never goes backwards."),
];

pub(crate) async fn load(_: PageRequest) -> Page {
    Page { scope: Some(Scope::Nothing), ..Page::new(StatusCode::OK, "How it works", view) }
}

fn view() -> impl IntoView {
    let steps = STEPS.map(|(what, more)| view! { <li><strong>{what}</strong> " " {more}</li> });
    let failures = FAILURES.map(|(part, effect)| view! { <div><dt>{part}</dt> <dd>{effect}</dd></div> });
    view! {
        <article class="explanation">
            <header>
                <h1>"How it works"</h1>
                <p class="lead">{job_words::EXPLANATION}</p>
            </header>
            <div class="walk">
                <figure>
                    {diagram::view()}
                    <figcaption class="aside">"The path of one request"</figcaption>
                </figure>
                <section aria-labelledby="steps">
                    <h2 id="steps">"From the form to everyone’s screen"</h2>
                    <ol class="steps">{steps.to_vec()}</ol>
                    <p>
                        "Every entry keeps the time of each step. Open any value from the "
                        <a href=crate::root::address("/")>"list"</a> " to see where its milliseconds went."
                    </p>
                </section>
            </div>
            <section aria-labelledby="failures">
                <h2 id="failures">"When a part fails"</h2>
                <dl class="failures">{failures.to_vec()}</dl>
            </section>
            <section aria-labelledby="one">
                <h2 id="one">"One process or many"</h2>
                <p>
                    "Without a database configured, a single process runs the whole system: SQLite replaces Postgres, "
                    "a table in memory replaces Redis, and a task replaces the workers. With one, you can run as many "
                    "servers and workers as you like. The code is the same, and so are the guarantees above."
                </p>
            </section>
            {back()}
        </article>
    }
}
