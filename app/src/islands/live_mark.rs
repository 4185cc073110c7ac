//! How the page hears of news, discreetly.

use leptos::prelude::*;

use crate::live::{self, Connection};

/// `live`, or `reconnecting…`. Nothing without scripts.
#[island]
pub fn LiveMark() -> impl IntoView {
    let connection = live::connection();
    let seen = connection.clone();
    let mark = move || match seen.get() {
        Connection::Opening => "opening",
        Connection::Live => "live",
        Connection::Reconnecting => "reconnecting",
    };
    let word = move || match connection.get() {
        Connection::Opening => "",
        Connection::Live => "live",
        Connection::Reconnecting => "reconnecting…",
    };
    view! { <p class="live-mark" role="status" data-connection=mark>{word}</p> }
}
