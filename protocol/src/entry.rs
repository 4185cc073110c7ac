//! An index and everything known about it.

use serde::{Deserialize, Serialize};

use crate::{index::Index, names::NOTHING_YET, revision::Revision, timeline::Timeline, worker_id::WorkerId};

/// Maximum number of digits of a value that an entry contains in full.
///
/// A value is any text. Its digits are its characters (Unicode scalar values), whatever the job; memory
/// and message budgets count its bytes.
pub const SHORT_DIGITS: usize = 1_000;
/// Number of leading digits of a longer value that an entry contains.
pub const HEAD_DIGITS: usize = 100;
/// Number of trailing digits of a longer value that an entry contains.
pub const TAIL_DIGITS: usize = 100;

/// An index and everything known about it.
///
/// To add a field that everyone sees, add it here and to `Wire` below; if it is stored, also to
/// `store/src/record/row.rs`, with a migration.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(from = "Wire", into = "Wire")]
pub struct Entry {
    /// The index.
    pub index: Index,
    /// Position in the order of first submission; lists are paged by it.
    pub position: u64,
    /// Current status.
    pub status: Status,
    /// Order of the states of this entry; a higher one is newer.
    pub revision: Revision,
    /// The value, once done.
    pub outcome: Option<Outcome>,
    /// Number of submissions.
    pub times_submitted: u64,
    /// Reason it failed or is still pending, for instance a foreign worker's wrong value.
    pub reason: Option<String>,
    /// Worker that is computing the value or computed it.
    pub worker: Option<WorkerId>,
    /// Number of the current attempt, from 1.
    pub attempt: Option<u32>,
    /// Share of the computation that is done, 0.0 to 1.0, while computing.
    pub progress: Option<f64>,
    /// Time of each step.
    pub timeline: Timeline,
}

/// Status of an entry.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Recorded, waiting for a worker.
    Pending,
    /// A worker holds a lease on it.
    Computing,
    /// The value is known and verified.
    Done,
    /// No longer tried, for a reason, until someone submits it again.
    Failed,
}

impl Status {
    /// Returns the word used in JSON, in SQL and on the page.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Computing => "computing",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// A value as an entry contains it: whole if short, otherwise its head and tail.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// At most [`SHORT_DIGITS`] digits.
    Whole {
        /// The value.
        value: String,
    },
    /// More than [`SHORT_DIGITS`] digits.
    Long {
        /// Number of digits.
        digits: u64,
        /// The first [`HEAD_DIGITS`].
        head: String,
        /// The last [`TAIL_DIGITS`].
        tail: String,
    },
}

impl Outcome {
    /// Shortens a value to what an entry contains.
    ///
    /// ```
    /// use protocol::Outcome;
    /// assert_eq!(Outcome::of("13").digits(), 2);
    /// assert_eq!(Outcome::of(&"7".repeat(1_001)).brief(), format!("{0}…{0} (1001 digits)", "7".repeat(100)));
    /// ```
    #[must_use]
    pub fn of(value: &str) -> Self {
        let digits = value.chars().count();
        if digits <= SHORT_DIGITS {
            return Self::Whole { value: value.to_owned() };
        }
        Self::Long {
            digits: digits as u64,
            head: value.chars().take(HEAD_DIGITS).collect(),
            tail: value.chars().skip(digits - TAIL_DIGITS).collect(),
        }
    }

    /// Returns the number of digits of the whole value.
    #[must_use]
    pub fn digits(&self) -> u64 {
        match self {
            Self::Whole { value } => value.chars().count() as u64,
            Self::Long { digits, .. } => *digits,
        }
    }

    /// Returns the value as `GET /values/current` shows it: whole, or head, `…`, tail and number of digits.
    #[must_use]
    pub fn brief(&self) -> String {
        match self {
            Self::Whole { value } => value.clone(),
            Self::Long { digits, head, tail } => format!("{head}…{tail} ({digits} digits)"),
        }
    }
}

impl Entry {
    /// Returns the value as the original system's clients expect it: [`Outcome::brief`], or `Nothing yet!`.
    #[must_use]
    pub fn brief(&self) -> String {
        self.outcome.as_ref().map_or_else(|| NOTHING_YET.to_owned(), Outcome::brief)
    }

    /// Replaces this state with `other` if that is a newer state of the same entry, and returns whether it
    /// did.
    pub fn merge(&mut self, other: &Self) -> bool {
        let newer = self.index == other.index && self.revision < other.revision;
        if newer {
            self.clone_from(other);
        }
        newer
    }
}

/// An index and its state, in the flat form used on the wire. A field without a value is left out.
#[derive(Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Entry))]
struct Wire {
    index: Index,
    /// Place in the order of first submission.
    position: u64,
    status: Status,
    revision: Revision,
    times_submitted: u64,
    /// Number of digits of the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digits: Option<u64>,
    /// The value, up to 1,000 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    /// The first 100 digits of a longer value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    head: Option<String>,
    /// The last 100 digits of a longer value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tail: Option<String>,
    /// Reason it failed or is still pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    worker: Option<WorkerId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 1))]
    progress: Option<f64>,
    timeline: Timeline,
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Entry {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        Wire::schema()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Entry {
    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
        Wire::schemas(schemas);
    }
}

impl From<Entry> for Wire {
    fn from(entry: Entry) -> Self {
        let digits = entry.outcome.as_ref().map(Outcome::digits);
        let (value, head, tail) = match entry.outcome {
            None => (None, None, None),
            Some(Outcome::Whole { value }) => (Some(value), None, None),
            Some(Outcome::Long { head, tail, .. }) => (None, Some(head), Some(tail)),
        };
        Self {
            index: entry.index,
            position: entry.position,
            status: entry.status,
            revision: entry.revision,
            times_submitted: entry.times_submitted,
            digits,
            value,
            head,
            tail,
            reason: entry.reason,
            worker: entry.worker,
            attempt: entry.attempt,
            progress: entry.progress,
            timeline: entry.timeline,
        }
    }
}

impl From<Wire> for Entry {
    fn from(wire: Wire) -> Self {
        let outcome = match (wire.value, wire.digits, wire.head, wire.tail) {
            (Some(value), ..) => Some(Outcome::Whole { value }),
            (None, Some(digits), Some(head), Some(tail)) => Some(Outcome::Long { digits, head, tail }),
            _ => None,
        };
        Self {
            index: wire.index,
            position: wire.position,
            status: wire.status,
            revision: wire.revision,
            outcome,
            times_submitted: wire.times_submitted,
            reason: wire.reason,
            worker: wire.worker,
            attempt: wire.attempt,
            progress: wire.progress,
            timeline: wire.timeline,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry {
            index: Index::try_from(7).unwrap(),
            position: 1,
            status: Status::Done,
            revision: Revision::recorded(2),
            outcome: Some(Outcome::of("13")),
            times_submitted: 1,
            reason: None,
            worker: Some(WorkerId::new("w1")),
            attempt: None,
            progress: None,
            timeline: Timeline { accepted_us: Some(5), ..Timeline::default() },
        }
    }

    #[test]
    fn an_entry_has_flat_json_that_is_read_back() {
        let json = serde_json::to_value(entry()).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "index": 7, "position": 1, "status": "done", "revision": 2 << 20,
                "times_submitted": 1, "digits": 2, "value": "13", "worker": "w1",
                "timeline": {"accepted_us": 5},
            })
        );
        assert_eq!(serde_json::from_value::<Entry>(json).unwrap(), entry());
    }

    #[test]
    fn a_long_value_is_shortened_to_head_and_tail() {
        let long = Entry { outcome: Some(Outcome::of(&"12345".repeat(300))), ..entry() };
        let json = serde_json::to_value(&long).unwrap();
        assert_eq!(json["digits"], 1_500);
        assert_eq!(json["head"].as_str().unwrap().len(), HEAD_DIGITS);
        assert!(json.get("value").is_none());
        assert_eq!(serde_json::from_value::<Entry>(json).unwrap(), long);
    }

    #[test]
    fn any_text_is_a_value_and_its_digits_are_characters() {
        let short = "“é\"\n".repeat(250);
        assert_eq!(short.len(), 1_750);
        assert_eq!(Outcome::of(&short), Outcome::Whole { value: short.clone() });
        assert_eq!(Outcome::of(&short).digits(), 1_000);

        let long = format!("<{}>", "\"é💥".repeat(400));
        let outcome = Outcome::of(&long);
        let Outcome::Long { digits, head, tail } = &outcome else { panic!("{outcome:?}") };
        assert_eq!((*digits, head.chars().count(), tail.chars().count()), (1_202, HEAD_DIGITS, TAIL_DIGITS));
        assert!(long.starts_with(head.as_str()) && long.ends_with(tail.as_str()));
        let entry = Entry { outcome: Some(outcome), ..entry() };
        let json = serde_json::to_string(&entry).unwrap();
        assert_eq!(serde_json::from_str::<Entry>(&json).unwrap(), entry);
    }

    #[test]
    fn an_older_state_never_replaces_a_newer_one() {
        let mut done = entry();
        let pending =
            Entry { status: Status::Pending, revision: Revision::recorded(1).computing(5, 1.0), ..entry() };
        assert!(!done.merge(&pending));
        assert_eq!(done.status, Status::Done);
        let mut pending = pending;
        assert!(pending.merge(&done));
        assert_eq!(pending, done);
    }
}
