//! How far an entry has come.

use leptos::prelude::*;
use protocol::{Entry, Status};

/// The status as a word with its mark.
pub fn state(status: Status) -> impl IntoView {
    view! { <span class="state" data-status=status.as_str()>{status.as_str()}</span> }
}

/// How far a long computation is, while it runs.
pub fn progress(entry: &Entry) -> Option<impl IntoView + use<>> {
    let share = entry.progress.filter(|_| entry.status == Status::Computing)?;
    let label = format!("How much of F({}) is computed", entry.index);
    Some(
        view! { <progress class="progress" max="1" value=format!("{share:.3}") aria-label=label></progress> },
    )
}
