//! The state of the live connection, in the header of the page.

use leptos::prelude::*;

use crate::{
    live::{self, Connection},
    parts,
};

/// Shows `live` or `reconnecting…`; nothing without scripts.
#[island]
pub fn ConnectionStatus() -> impl IntoView {
    let connection = live::connection();
    let state = connection.clone();
    let state = move || match state.get() {
        Connection::Opening => "opening",
        Connection::Live => "live",
        Connection::Reconnecting => "reconnecting",
    };
    let text = move || match connection.get() {
        Connection::Opening => String::new(),
        Connection::Live => "live".to_owned(),
        Connection::Reconnecting => "reconnecting…".to_owned(),
    };
    view! { <p class="connection" role="status" data-connection=state>{parts::replaced_text(text)}</p> }
}
