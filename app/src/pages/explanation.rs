//! How the system works.

use leptos::prelude::*;

mod diagram;

/// The way of a submission, numbered as in the diagram.
const STEPS: [(&str, &str); 6] = [
    (
        "The server records the index.",
        "Only when Postgres has it does the answer say yes. From here on it can’t be lost.",
    ),
    (
        "It puts the index on the pending list",
        "in Redis, and publishes it on the channel “insert”. The message only wakes the workers; the list is what counts.",
    ),
    (
        "One worker claims it.",
        "The claim is a lease that runs out unless it is renewed. However many workers heard the message, one computes.",
    ),
    (
        "It posts the number",
        "to the hash “values”, and takes the index off the list: one step, so that nothing is half done.",
    ),
    (
        "The servers hear of it.",
        "One checks the number modulo large primes and copies it into Postgres. A wrong one is computed again.",
    ),
    ("Every browser that watches sees it,", "over one stream of server-sent events that all its tabs share."),
];

/// What happens when a part dies.
const DEATHS: [(&str, &str); 6] = [
    ("A worker", "Its lease runs out and another worker claims the index. Later, but not lost."),
    (
        "A server",
        "What it accepted stands in Postgres; the other servers go on. Browsers reconnect by themselves and catch up.",
    ),
    (
        "Redis",
        "Indexes are still accepted. When Redis comes back, even empty, the pending list is put together again from Postgres.",
    ),
    (
        "Postgres",
        "Nothing is accepted, and the page says so: a yes that might be forgotten would be worse. Workers finish what they have.",
    ),
    ("A message", "No message is the only copy of anything. Workers and servers also look for themselves."),
    (
        "Your connection",
        "The page says that it reconnects, then fetches what it missed. It never turns an entry back.",
    ),
];

pub(super) fn page() -> impl IntoView {
    let steps = STEPS.map(|(what, more)| view! { <li><strong>{what}</strong> " " {more}</li> });
    let deaths = DEATHS.map(|(part, then)| view! { <div><dt>{part}</dt> <dd>{then}</dd></div> });
    view! {
        <article class="explanation">
            <header>
                <h1>"How it works"</h1>
                <p class="lead">
                    "A Fibonacci number can be had for less. This is the long way on purpose: a small job done by "
                    "a system of many parts that stays right while any one of them fails."
                </p>
            </header>
            <div class="walk">
                <figure>
                    {diagram::view()}
                    <figcaption class="aside">"The way of one submission"</figcaption>
                </figure>
                <section aria-labelledby="steps">
                    <h2 id="steps">"From the form to everybody’s screen"</h2>
                    <ol class="steps">{steps.to_vec()}</ol>
                    <p>
                        "Every entry keeps the time of each step. Open any value from the "
                        <a href="/">"list"</a> " to see where its milliseconds went."
                    </p>
                </section>
            </div>
            <section aria-labelledby="deaths">
                <h2 id="deaths">"When a part dies"</h2>
                <dl class="deaths">{deaths.to_vec()}</dl>
            </section>
            <section aria-labelledby="one">
                <h2 id="one">"One process, or many"</h2>
                <p>
                    "With no database configured, a single process is the whole system: SQLite stands in for Postgres, "
                    "a table in memory for Redis, a task for the workers. With them it is as many servers and workers as "
                    "you like. The code is the same, and so are the rules above."
                </p>
            </section>
            <p><a href="/">"Go back home"</a></p>
        </article>
    }
}
