//! A value in full, or its two ends.

use leptos::prelude::*;
use protocol::Outcome;

use crate::{job_words, wording};

/// Maximum number of digits of a number that is set in large type, in groups of three.
const READABLE_DIGITS: u64 = 30;

/// A value in full, or its two ends with the number of digits left out. Groups of digits are set apart by the
/// style sheet, not by spaces, so that selecting and copying them gives the plain number.
pub fn value(outcome: &Outcome) -> impl IntoView + use<> {
    let size = if outcome.digits() <= READABLE_DIGITS { 3 } else { 10 };
    let (head, rest) = match outcome {
        Outcome::Whole { value } => (groups(value, size), None),
        Outcome::Long { digits, head, tail } => {
            let shown = (head.chars().count() + tail.chars().count()) as u64;
            let between = wording::thousands(digits.saturating_sub(shown));
            let between = format!("… {between} more {} …", job_words::UNIT.1);
            (groups(head, size), Some(view! { <span class="between">{between}</span> {groups(tail, size)} }))
        }
    };
    view! { <p class="full-value" data-size=size.to_string()>{head} {rest}</p> }
}

fn groups(text: &str, size: usize) -> Vec<impl IntoView + use<>> {
    let group = |text: &str| view! { <span class="group">{text.to_owned()}</span> };
    wording::groups(text, size).into_iter().map(group).collect()
}
