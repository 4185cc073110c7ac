//! A number in full, or its two ends.

use leptos::prelude::*;
use protocol::Outcome;

use crate::wording;

/// Up to this many digits a number is grouped as people read it, by thousands.
const READABLE_DIGITS: u64 = 30;

/// A number in full, or its two ends with the count of what lies between. The groups are set apart
/// by the stylesheet and not by blanks, so that what is selected and copied is the number.
pub fn figure(outcome: &Outcome) -> impl IntoView + use<> {
    let size = if outcome.digits() <= READABLE_DIGITS { 3 } else { 10 };
    let (head, left_out) = match outcome {
        Outcome::Whole { value } => (groups(value, size), None),
        Outcome::Long { digits, head, tail } => {
            let between = digits - (head.len() + tail.len()) as u64;
            (groups(head, size), Some((wording::digits(between), groups(tail, size))))
        }
    };
    let rest = left_out.map(|(between, tail)| {
        view! {
            <span class="between">"… " {between} " …"</span>
            {tail}
        }
    });
    view! { <p class="figure" data-size=size.to_string()>{head} {rest}</p> }
}

fn groups(digits: &str, size: usize) -> Vec<impl IntoView + use<>> {
    let group = |digits: &str| view! { <span class="group">{digits.to_owned()}</span> };
    wording::groups(digits, size).into_iter().map(group).collect()
}
