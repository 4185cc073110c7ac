//! Wording of numbers, times, states and mistakes on the page.

use protocol::{Entry, Fault, FormProblem, IndexError, IndexErrorKind, Outcome, Status, Timeline};

use crate::job_words::{UNIT, notation};

/// Maximum length of a value that is shown in full where space is short.
const BRIEF_LENGTH: usize = 60;
/// Number of characters shown from each end of a longer value.
const END_LENGTH: usize = 20;

/// A fact about an entry.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Fact {
    /// A few words.
    pub text: String,
    /// Details for the tooltip.
    pub title: Option<String>,
}

impl From<String> for Fact {
    fn from(text: String) -> Self {
        Self { text, title: None }
    }
}

/// Formats a count with thousands separators: `208,988`.
#[must_use]
pub fn thousands(count: u64) -> String {
    groups(&count.to_string(), 3).join(",")
}

/// Splits digits into groups, counted from the right: `13245` by 3 is `13`, `245`. A text that has
/// anything but digits stays whole.
#[must_use]
pub fn groups(text: &str, size: usize) -> Vec<&str> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return vec![text];
    }
    let mut groups = Vec::with_capacity(text.len() / size + 1);
    let mut rest = text;
    while !rest.is_empty() {
        let (group, others) =
            rest.split_at(if rest.len().is_multiple_of(size) { size } else { rest.len() % size });
        groups.push(group);
        rest = others;
    }
    groups
}

/// Formats the length of a value: `1 digit`, `209 digits`.
#[must_use]
pub fn length(count: u64) -> String {
    let unit = if count == 1 { UNIT.0 } else { UNIT.1 };
    format!("{} {unit}", thousands(count))
}

/// Formats a duration with at most three significant figures: `850 µs`, `3.2 ms`, `41 ms`, `1.25 s`,
/// `3 min 5 s`.
#[must_use]
pub fn duration(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..10_000 => format!("{}.{} ms", us / 1_000, us % 1_000 / 100),
        10_000..1_000_000 => format!("{} ms", us / 1_000),
        1_000_000..60_000_000 => format!("{}.{:02} s", us / 1_000_000, us % 1_000_000 / 10_000),
        _ => format!("{} min {} s", us / 60_000_000, us % 60_000_000 / 1_000_000),
    }
}

/// Returns the duration of the computation, from the claim to the value, or `None` if the two clocks
/// disagree.
#[must_use]
pub fn computing_us(timeline: &Timeline) -> Option<u64> {
    timeline.computed_us?.checked_sub(timeline.claimed_us?)
}

/// Formats a time in UTC, to the millisecond, in the two forms that `<time>` needs: for machines
/// (`2026-10-05T09:13:07.123Z`) and for people (`2026-10-05 09:13:07.123 UTC`).
#[must_use]
pub fn timestamp(us: u64) -> (String, String) {
    let (seconds, millis) = (us / 1_000_000, us % 1_000_000 / 1_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days, for days
    // since 1970: it counts from 0000-03-01, so that the leap day ends the year.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let date = format!("{year:04}-{month:02}-{day:02}");
    let clock = format!("{:02}:{:02}:{:02}.{millis:03}", second / 3_600, second / 60 % 60, second % 60);
    (format!("{date}T{clock}Z"), format!("{date} {clock} UTC"))
}

/// Formats a value where space is short: in full, or its two ends.
#[must_use]
pub fn brief(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Whole { value } if value.chars().count() <= BRIEF_LENGTH => value.clone(),
        Outcome::Whole { value } => ends(value, value),
        Outcome::Long { head, tail, .. } => ends(head, tail),
    }
}

fn ends(head: &str, tail: &str) -> String {
    let first = head.chars().take(END_LENGTH);
    let last = tail.chars().skip(tail.chars().count().saturating_sub(END_LENGTH));
    first.chain(['…']).chain(last).collect()
}

/// Returns whether the entry will change without anyone submitting it again.
#[must_use]
pub fn is_unfinished(entry: &Entry) -> bool {
    matches!(entry.status, Status::Pending | Status::Computing)
}

/// Describes the state of an entry in one sentence, as the answer to a submission. Screen readers
/// announce every change of it, so it leaves out what changes during a computation.
#[must_use]
pub fn answer(entry: &Entry) -> String {
    let name = notation(entry.index);
    match (entry.status, &entry.outcome) {
        (_, Some(outcome)) => {
            let brief = brief(outcome);
            if outcome.digits() > BRIEF_LENGTH as u64 {
                format!("{name} = {brief} ({})", length(outcome.digits()))
            } else {
                format!("{name} = {brief}")
            }
        }
        (Status::Computing, _) => format!("{name} is being computed."),
        (Status::Failed, _) => match &entry.reason {
            Some(reason) => format!("{name} failed: {reason}"),
            None => format!("{name} failed."),
        },
        (Status::Pending | Status::Done, _) => match &entry.reason {
            Some(reason) => format!("{name} is waiting to be tried again: {reason}"),
            None => format!("{name} is waiting for a free worker."),
        },
    }
}

/// Returns the facts about an entry, most important first.
#[must_use]
pub fn facts(entry: &Entry) -> Vec<Fact> {
    let mut facts = Vec::new();
    match entry.status {
        // The reason is shown separately and says more.
        Status::Pending if entry.reason.is_some() => {}
        Status::Pending => facts.push("waiting for a free worker".to_owned().into()),
        Status::Computing => {
            facts.push(match &entry.worker {
                Some(worker) => Fact {
                    text: format!("worker {} is on it", short_id(worker.as_str())),
                    title: Some(worker.to_string()),
                },
                None => "being computed".to_owned().into(),
            });
            if let Some(attempt) = entry.attempt.filter(|attempt| *attempt > 1) {
                facts.push(format!("attempt {attempt}").into());
            }
        }
        Status::Done => {
            if let Some(outcome) = &entry.outcome {
                facts.push(length(outcome.digits()).into());
            }
            if let Some(us) = computing_us(&entry.timeline) {
                facts.push(format!("computed in {}", duration(us)).into());
            }
        }
        Status::Failed => {}
    }
    match entry.times_submitted {
        0 | 1 => {}
        2 => facts.push("requested twice".to_owned().into()),
        times => facts.push(format!("requested {} times", thousands(times)).into()),
    }
    facts
}

/// Returns the last part of a worker's id, which is unique: `95ce83a1` of `host-22820-95ce83a1`.
fn short_id(worker: &str) -> &str {
    worker.rsplit('-').find(|part| !part.is_empty()).unwrap_or(worker)
}

/// Explains what is wrong with a text that was typed as an index.
#[must_use]
pub fn mistake(error: &IndexError) -> String {
    let allowed = error.allowed;
    match &error.kind {
        IndexErrorKind::Empty => format!("Enter a whole number from {allowed}."),
        IndexErrorKind::NotANumber { given, fault: Fault::Other } => {
            format!("“{given}” isn’t a whole number. Try one from {allowed}.")
        }
        IndexErrorKind::NotANumber { given, fault } => {
            format!("“{given}” {}. Try a whole number from {allowed}.", fault.as_str())
        }
        IndexErrorKind::Negative => format!("Negative numbers aren’t allowed. Try one from {allowed}."),
        IndexErrorKind::Fraction => {
            format!("Fractions aren’t allowed. Try a whole number from {allowed}, without a decimal point.")
        }
        IndexErrorKind::TooLow => format!("That’s too small. Try one from {allowed}."),
        IndexErrorKind::TooHigh => {
            format!("That’s too big: this site goes up to {}.", thousands(u64::from(allowed.highest.get())))
        }
    }
}

/// Explains why a form could not be submitted: a title and what to do.
#[must_use]
pub fn form_problem(problem: FormProblem) -> (String, String) {
    let (title, detail) = match problem {
        FormProblem::Unavailable => {
            ("The database isn’t responding", "Nothing was submitted. Try again in a moment.")
        }
        FormProblem::Busy => ("Slow down a little", "Nothing was submitted. Try again in a few seconds."),
    };
    (title.to_owned(), detail.to_owned())
}

#[cfg(test)]
mod tests {
    use protocol::{Index, IndexRange, Revision, WorkerId};

    use super::*;

    fn entry(status: Status) -> Entry {
        Entry {
            index: Index::try_from(7).unwrap(),
            position: 1,
            status,
            revision: Revision::recorded(1),
            outcome: None,
            times_submitted: 1,
            reason: None,
            worker: None,
            attempt: None,
            progress: None,
            timeline: Timeline::default(),
        }
    }

    #[test]
    fn digits_are_grouped_from_the_right_and_other_text_is_not() {
        assert_eq!(groups("", 3), Vec::<&str>::new());
        assert_eq!(groups("13", 3), ["13"]);
        assert_eq!(groups("233", 3), ["233"]);
        assert_eq!(groups("1134903170", 3), ["1", "134", "903", "170"]);
        assert_eq!(groups("2 × 3²", 3), ["2 × 3²"]);
        assert_eq!(thousands(208_988), "208,988");
        assert_eq!(length(1), format!("1 {}", UNIT.0));
        assert_eq!(length(1_045), format!("1,045 {}", UNIT.1));
    }

    #[test]
    fn a_duration_has_at_most_three_significant_figures() {
        let durations = [
            (0, "0 µs"),
            (999, "999 µs"),
            (1_000, "1.0 ms"),
            (3_249, "3.2 ms"),
            (41_700, "41 ms"),
            (999_999, "999 ms"),
            (1_250_000, "1.25 s"),
            (59_999_999, "59.99 s"),
            (185_000_000, "3 min 5 s"),
        ];
        for (us, text) in durations {
            assert_eq!(duration(us), text);
        }
    }

    #[test]
    fn the_duration_is_unknown_if_the_clocks_disagree() {
        let timeline = |claimed, computed| Timeline {
            claimed_us: Some(claimed),
            computed_us: Some(computed),
            ..Timeline::default()
        };
        assert_eq!(computing_us(&timeline(100, 350)), Some(250));
        assert_eq!(computing_us(&timeline(350, 100)), None);
        assert_eq!(computing_us(&Timeline::default()), None);
    }

    #[test]
    fn a_timestamp_is_a_calendar_date() {
        assert_eq!(timestamp(0).0, "1970-01-01T00:00:00.000Z");
        assert_eq!(timestamp(951_782_400_000_000).0, "2000-02-29T00:00:00.000Z");
        assert_eq!(timestamp(1_735_689_599_999_000).1, "2024-12-31 23:59:59.999 UTC");
        assert_eq!(timestamp(4_107_542_400_000_000).0, "2100-03-01T00:00:00.000Z");
    }

    #[test]
    fn the_answer_describes_the_state_of_a_submission() {
        let answer = |entry: &Entry| {
            let answer = answer(entry);
            answer.strip_prefix(&notation(entry.index)).map(str::to_owned).unwrap_or(answer)
        };
        let done = |value: &str| Entry { outcome: Some(Outcome::of(value)), ..entry(Status::Done) };
        assert_eq!(answer(&done("13")), " = 13");
        for (repeats, digits) in [(40, 200), (400, 2_000)] {
            let expected = format!(" = 12345123451234512345…12345123451234512345 ({})", length(digits));
            assert_eq!(answer(&done(&"12345".repeat(repeats))), expected);
        }
        assert_eq!(answer(&entry(Status::Pending)), " is waiting for a free worker.");
        assert_eq!(answer(&entry(Status::Computing)), " is being computed.");
        let reason = Some("A worker returned a wrong value.".to_owned());
        let failed = Entry { reason: reason.clone(), ..entry(Status::Failed) };
        assert_eq!(answer(&failed), " failed: A worker returned a wrong value.");
        let pending = Entry { reason, ..entry(Status::Pending) };
        assert_eq!(answer(&pending), " is waiting to be tried again: A worker returned a wrong value.");
    }

    #[test]
    fn a_value_that_is_not_ascii_is_shortened_by_characters() {
        let value = "é×".repeat(31);
        let brief = brief(&Outcome::Whole { value });
        assert_eq!(brief, format!("{0}…{0}", "é×".repeat(10)));
    }

    #[test]
    fn the_facts_name_the_worker_and_the_duration() {
        let computing = Entry {
            worker: Some(WorkerId::new("host-22820-95ce83a1")),
            attempt: Some(2),
            times_submitted: 3,
            ..entry(Status::Computing)
        };
        let on_it = Fact {
            text: "worker 95ce83a1 is on it".to_owned(),
            title: Some("host-22820-95ce83a1".to_owned()),
        };
        let rest = ["attempt 2", "requested 3 times"].map(|text| Fact::from(text.to_owned()));
        assert_eq!(facts(&computing)[0], on_it);
        assert_eq!(facts(&computing)[1..], rest);
        let timeline = Timeline { claimed_us: Some(1_000), computed_us: Some(4_200), ..Timeline::default() };
        let outcome = Some(Outcome::of("13"));
        let done = Entry { outcome, timeline, times_submitted: 2, ..entry(Status::Done) };
        let texts =
            [length(2), "computed in 3.2 ms".to_owned(), "requested twice".to_owned()].map(Fact::from);
        assert_eq!(facts(&done), texts);
    }

    #[test]
    fn each_mistake_is_explained() {
        let index = |number| Index::try_from(number).unwrap();
        let allowed = IndexRange { lowest: index(1), highest: index(1_000_000) };
        let mistake = |text| mistake(&Index::parse(text, allowed).unwrap_err());
        assert_eq!(
            mistake("7.0"),
            "Fractions aren’t allowed. Try a whole number from 1 to 1,000,000, without a decimal point."
        );
        assert_eq!(
            mistake("1\u{200b}0"),
            "“1⟨U+200B⟩0” contains an invisible character. Try a whole number from 1 to 1,000,000."
        );
        assert_eq!(mistake("1000001"), "That’s too big: this site goes up to 1,000,000.");
        assert_eq!(mistake("0"), "That’s too small. Try one from 1 to 1,000,000.");
        assert_eq!(mistake("seven"), "“seven” isn’t a whole number. Try one from 1 to 1,000,000.");
    }
}
