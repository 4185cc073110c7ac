//! All about one index.

use leptos::prelude::*;
use protocol::Entry;

use crate::{islands::ValueView, wording};

pub(super) fn page(entry: &Entry) -> impl IntoView + use<> {
    view! {
        <article class="one-value">
            <h1>{wording::name(entry.index)}</h1>
            <ValueView entry=entry.clone() />
            <p><a href="/">"Go back home"</a></p>
        </article>
    }
}
