//! The parts of the system and the way of a submission, drawn.

use leptos::prelude::*;

/// A part: where it stands, its name, what it does.
struct Part {
    x: u32,
    y: u32,
    name: &'static str,
    does: &'static str,
}

const WIDTH: u32 = 150;
const HEIGHT: u32 = 52;

const PARTS: [Part; 6] = [
    Part { x: 105, y: 8, name: "Browser", does: "form and live lists" },
    Part { x: 105, y: 104, name: "nginx", does: "/ and /api" },
    Part { x: 105, y: 200, name: "Server × N", does: "pages and API" },
    Part { x: 8, y: 330, name: "Postgres", does: "the record: all of it" },
    Part { x: 202, y: 330, name: "Redis", does: "the board: what’s on" },
    Part { x: 202, y: 450, name: "Worker × N", does: "F(n), exactly" },
];

/// Lines without a number: the request itself.
const REQUEST: [&str; 2] = ["M180 60 V104", "M180 156 V200"];

/// The numbered steps: the line, and where its number stands.
const STEPS: [(&str, u32, u32); 6] = [
    ("M140 252 L92 328", 116, 290),
    ("M212 252 L252 328", 232, 290),
    ("M252 382 V448", 252, 415),
    ("M302 450 V384", 302, 417),
    ("M290 330 L240 254", 265, 292),
    ("M105 226 H52 V34 H103", 52, 130),
];

/// The drawing. What it says is also said by the steps beside it.
pub(super) fn view() -> impl IntoView {
    let parts = PARTS.map(|Part { x, y, name, does }| {
        view! {
            <g>
                <rect class="part" x=x.to_string() y=y.to_string() width=WIDTH.to_string() height=HEIGHT.to_string() rx="10" />
                <text class="part-name" x=(x + WIDTH / 2).to_string() y=(y + 22).to_string()>{name}</text>
                <text class="part-does" x=(x + WIDTH / 2).to_string() y=(y + 40).to_string()>{does}</text>
            </g>
        }
    });
    let request = REQUEST.map(|line| view! { <path class="way" d=line marker-end="url(#tip)" /> });
    let steps = STEPS.into_iter().enumerate().map(|(number, (line, x, y))| {
        view! {
            <g>
                <path class="way step" d=line marker-end="url(#tip)" />
                <circle class="number" cx=x.to_string() cy=y.to_string() r="11" />
                <text class="number" x=x.to_string() y=(y + 4).to_string()>{(number + 1).to_string()}</text>
            </g>
        }
    });
    view! {
        <svg class="diagram" viewBox="0 0 360 510" role="img" aria-labelledby="diagram-title">
            <title id="diagram-title">
                "The browser speaks to the server through nginx; the server to Postgres and Redis; the workers to Redis alone."
            </title>
            <defs>
                <marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse">
                    <path class="tip" d="M0 0.5 L8 4 L0 7.5 z" />
                </marker>
            </defs>
            {request.to_vec()}
            {steps.collect::<Vec<_>>()}
            {parts.to_vec()}
        </svg>
    }
}
