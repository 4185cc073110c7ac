//! The diagram of the system and the path of one request.

use leptos::prelude::*;

use crate::job_words;

/// A part of the system: its position, name and role.
struct Part {
    x: u32,
    y: u32,
    name: &'static str,
    role: &'static str,
}

const WIDTH: u32 = 150;
const HEIGHT: u32 = 52;

const PARTS: [Part; 6] = [
    Part { x: 105, y: 8, name: "Browser", role: "form and live lists" },
    Part { x: 105, y: 104, name: "nginx", role: "/ and /api" },
    Part { x: 105, y: 200, name: "Server × N", role: "pages and API" },
    Part { x: 8, y: 330, name: "Postgres", role: "the permanent record" },
    Part { x: 202, y: 330, name: "Redis", role: "the work in progress" },
    Part { x: 202, y: 450, name: "Worker × N", role: job_words::COMPUTATION },
];

/// Lines without a number: the request to the server.
const REQUEST: [&str; 2] = ["M180 60 V104", "M180 156 V200"];

/// The numbered steps: a line and the position of its number.
const STEPS: [(&str, u32, u32); 6] = [
    ("M140 252 L92 328", 116, 290),
    ("M212 252 L252 328", 232, 290),
    ("M252 382 V448", 252, 415),
    ("M302 450 V384", 302, 417),
    ("M290 330 L240 254", 265, 292),
    ("M105 226 H52 V34 H103", 52, 130),
];

/// The diagram. The list of steps next to it says the same in words.
pub(super) fn view() -> impl IntoView {
    let parts = PARTS.map(|Part { x, y, name, role }| {
        view! {
            <g>
                <rect class="part" x=x.to_string() y=y.to_string() width=WIDTH.to_string() height=HEIGHT.to_string() rx="10" />
                <text class="part-name" x=(x + WIDTH / 2).to_string() y=(y + 22).to_string()>{name}</text>
                <text class="part-role" x=(x + WIDTH / 2).to_string() y=(y + 40).to_string()>{role}</text>
            </g>
        }
    });
    let request = REQUEST.map(|line| view! { <path class="path" d=line marker-end="url(#tip)" /> });
    let steps = STEPS.into_iter().enumerate().map(|(number, (line, x, y))| {
        view! {
            <g>
                <path class="path step" d=line marker-end="url(#tip)" />
                <circle class="number" cx=x.to_string() cy=y.to_string() r="11" />
                <text class="number" x=x.to_string() y=(y + 4).to_string()>{(number + 1).to_string()}</text>
            </g>
        }
    });
    view! {
        <svg class="diagram" viewBox="0 0 360 510" role="img" aria-labelledby="diagram-title">
            <title id="diagram-title">
                "The browser talks to the server through nginx; the server talks to Postgres and Redis; the workers talk only to Redis."
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
