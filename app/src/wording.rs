//! How numbers, times and states read on the page.

use protocol::{Entry, Index, Outcome, Status, Timeline};

/// Up to this many digits a value is shown whole where space is short.
const SHOWN_DIGITS: usize = 60;
/// How many digits of each end are shown of a longer one.
const END_DIGITS: usize = 20;

/// `F(7)`.
#[must_use]
pub fn name(index: Index) -> String {
    format!("F({index})")
}

/// A count with its thousands separated: `208,988`.
#[must_use]
pub fn thousands(count: u64) -> String {
    groups(&count.to_string(), 3).join(",")
}

/// Cuts digits into groups, counted from the right: `13245` by 3 is `13`, `245`.
#[must_use]
pub fn groups(digits: &str, size: usize) -> Vec<&str> {
    let mut groups = Vec::with_capacity(digits.len() / size + 1);
    let mut start = 0;
    while start < digits.len() {
        let rest = digits.len() - start;
        let end = start + if rest.is_multiple_of(size) { size } else { rest % size };
        groups.push(&digits[start..end]);
        start = end;
    }
    groups
}

/// `1 digit`, `209 digits`.
#[must_use]
pub fn digits(count: u64) -> String {
    counted(count, "digit")
}

/// A noun with its count: `1 digit`, `2 digits`.
fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", thousands(count), if count == 1 { "" } else { "s" })
}

/// A duration in three significant figures at most: `850 µs`, `3.2 ms`, `41 ms`, `1.25 s`, `3 min 5 s`.
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

/// How long the worker took, when it is known: from the claim to the number. The two clocks may
/// disagree; then nothing is said rather than something wrong.
#[must_use]
pub fn computing_us(timeline: &Timeline) -> Option<u64> {
    timeline.computed_us?.checked_sub(timeline.claimed_us?)
}

/// A moment as UTC, to the millisecond, in the two forms that `<time>` wants: for machines
/// (`2026-10-05T09:13:07.123Z`) and for people (`2026-10-05 09:13:07.123 UTC`).
#[must_use]
pub fn moment(us: u64) -> (String, String) {
    let (seconds, millis) = (us / 1_000_000, us % 1_000_000 / 1_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days, for days
    // after 1970: counts from 0000-03-01, so that the leap day ends the year.
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

/// A value where space is short: whole, or its two ends.
#[must_use]
pub fn brief(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Whole { value } if value.len() <= SHOWN_DIGITS => value.clone(),
        Outcome::Whole { value } => ends(value, value),
        Outcome::Long { head, tail, .. } => ends(head, tail),
    }
}

fn ends(head: &str, tail: &str) -> String {
    format!("{}…{}", &head[..END_DIGITS.min(head.len())], &tail[tail.len().saturating_sub(END_DIGITS)..])
}

/// What has become of an entry, as one sentence, for the answer to a submission. It says nothing
/// that changes while a computation runs, since it is read aloud whenever it changes.
#[must_use]
pub fn answer(entry: &Entry) -> String {
    let name = name(entry.index);
    match (entry.status, &entry.outcome) {
        (_, Some(outcome)) => {
            let brief = brief(outcome);
            if outcome.digits() > SHOWN_DIGITS as u64 {
                format!("{name} = {brief} ({})", digits(outcome.digits()))
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
            Some(reason) => format!("{name} is still pending: {reason}"),
            None => format!("{name} is waiting for a worker."),
        },
    }
}

/// The facts beside an entry, most telling first.
#[must_use]
pub fn facts(entry: &Entry) -> Vec<String> {
    let mut facts = Vec::new();
    match entry.status {
        // With a reason, that says more.
        Status::Pending if entry.reason.is_some() => {}
        Status::Pending => facts.push("waiting for a worker".to_owned()),
        Status::Computing => {
            let worker = entry.worker.as_ref().map_or_else(String::new, |worker| format!(" by {worker}"));
            facts.push(format!("being computed{worker}"));
            if let Some(attempt) = entry.attempt.filter(|attempt| *attempt > 1) {
                facts.push(format!("attempt {attempt}"));
            }
        }
        Status::Done => {
            if let Some(outcome) = &entry.outcome {
                facts.push(digits(outcome.digits()));
            }
            if let Some(us) = computing_us(&entry.timeline) {
                facts.push(format!("computed in {}", duration(us)));
            }
        }
        Status::Failed => {}
    }
    if entry.times_submitted > 1 {
        facts.push(format!("submitted {}", counted(entry.times_submitted, "time")));
    }
    facts
}

#[cfg(test)]
mod tests {
    use protocol::{Revision, WorkerId};

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
    fn digits_are_grouped_from_the_right() {
        assert_eq!(groups("", 3), Vec::<&str>::new());
        assert_eq!(groups("13", 3), ["13"]);
        assert_eq!(groups("233", 3), ["233"]);
        assert_eq!(groups("1134903170", 3), ["1", "134", "903", "170"]);
        assert_eq!(thousands(208_988), "208,988");
        assert_eq!(digits(1), "1 digit");
        assert_eq!(digits(1_045), "1,045 digits");
    }

    #[test]
    fn a_duration_keeps_the_figures_that_tell_something() {
        let spoken = [
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
        for (us, words) in spoken {
            assert_eq!(duration(us), words);
        }
    }

    #[test]
    fn clocks_that_disagree_give_no_duration() {
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
    fn a_moment_is_a_date_of_the_calendar() {
        assert_eq!(moment(0).0, "1970-01-01T00:00:00.000Z");
        assert_eq!(moment(951_782_400_000_000).0, "2000-02-29T00:00:00.000Z");
        assert_eq!(moment(1_735_689_599_999_000).1, "2024-12-31 23:59:59.999 UTC");
        assert_eq!(moment(4_107_542_400_000_000).0, "2100-03-01T00:00:00.000Z");
    }

    #[test]
    fn the_answer_says_what_became_of_a_submission() {
        let done = |value: &str| Entry { outcome: Some(Outcome::of(value)), ..entry(Status::Done) };
        assert_eq!(answer(&done("13")), "F(7) = 13");
        let long = done(&"12345".repeat(40));
        assert_eq!(answer(&long), "F(7) = 12345123451234512345…12345123451234512345 (200 digits)");
        let longer = done(&"12345".repeat(400));
        assert_eq!(answer(&longer), "F(7) = 12345123451234512345…12345123451234512345 (2,000 digits)");
        assert_eq!(answer(&entry(Status::Pending)), "F(7) is waiting for a worker.");
        assert_eq!(answer(&entry(Status::Computing)), "F(7) is being computed.");
        let reason = Some("A worker answered wrong.".to_owned());
        let failed = Entry { reason: reason.clone(), ..entry(Status::Failed) };
        assert_eq!(answer(&failed), "F(7) failed: A worker answered wrong.");
        let pending = Entry { reason, ..entry(Status::Pending) };
        assert_eq!(answer(&pending), "F(7) is still pending: A worker answered wrong.");
    }

    #[test]
    fn the_facts_tell_who_computes_and_how_long_it_took() {
        let computing = Entry {
            worker: Some(WorkerId::new("w1")),
            attempt: Some(2),
            times_submitted: 3,
            ..entry(Status::Computing)
        };
        assert_eq!(facts(&computing), ["being computed by w1", "attempt 2", "submitted 3 times"]);
        let timeline = Timeline { claimed_us: Some(1_000), computed_us: Some(4_200), ..Timeline::default() };
        let done = Entry { outcome: Some(Outcome::of("13")), timeline, ..entry(Status::Done) };
        assert_eq!(facts(&done), ["2 digits", "computed in 3.2 ms"]);
    }
}
