//! One index and what is known of it.

use serde::{Deserialize, Serialize};

use crate::{Index, Revision, Timeline, WorkerId};

/// Up to this many digits the whole value goes along with the entry.
pub const SHORT_DIGITS: usize = 1_000;
/// How many leading digits of a longer value go along.
pub const HEAD_DIGITS: usize = 100;
/// How many trailing digits of a longer value go along.
pub const TAIL_DIGITS: usize = 100;

/// What stands in the hash `values` while an index has no value yet.
const NOTHING_YET: &str = crate::names::NOTHING_YET;

/// One index and what is known of it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(from = "Wire", into = "Wire")]
pub struct Entry {
    /// The index.
    pub index: Index,
    /// Its place in the order of first submission; lists are paged by it.
    pub position: u64,
    /// How far it has come.
    pub status: Status,
    /// Orders the states of this entry.
    pub revision: Revision,
    /// The value, once it is done.
    pub outcome: Option<Outcome>,
    /// How often it was submitted.
    pub times_submitted: u64,
    /// Why it failed, or why it is still pending (for instance: a foreign worker's wrong value).
    pub reason: Option<String>,
    /// The worker that computes it, or that computed it.
    pub worker: Option<WorkerId>,
    /// Which attempt the worker is at, from 1.
    pub attempt: Option<u32>,
    /// The share of the computation that is done, 0.0 to 1.0, while it is computed.
    pub progress: Option<f64>,
    /// When each thing happened.
    pub timeline: Timeline,
}

/// How far an entry has come.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Recorded, waiting for a worker.
    Pending,
    /// A worker holds a lease on it.
    Computing,
    /// Its value is known and checked.
    Done,
    /// It was given up, with a reason, until someone submits it again.
    Failed,
}

impl Status {
    /// The word that stands on the wire, in SQL and on the page.
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

/// A value as it goes along with an entry: the whole of it when short, else its two ends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// At most [`SHORT_DIGITS`] digits.
    Whole {
        /// All digits.
        value: String,
    },
    /// More than [`SHORT_DIGITS`] digits.
    Long {
        /// How many digits there are.
        digits: u64,
        /// The first [`HEAD_DIGITS`].
        head: String,
        /// The last [`TAIL_DIGITS`].
        tail: String,
    },
}

impl Outcome {
    /// Cuts a value of decimal digits to what goes along with its entry.
    ///
    /// ```
    /// use protocol::Outcome;
    /// assert_eq!(Outcome::of("13").digits(), 2);
    /// assert_eq!(Outcome::of(&"7".repeat(1_001)).brief(), format!("{0}…{0} (1001 digits)", "7".repeat(100)));
    /// ```
    #[must_use]
    pub fn of(value: &str) -> Self {
        if value.len() <= SHORT_DIGITS {
            return Self::Whole { value: value.to_owned() };
        }
        Self::Long {
            digits: value.len() as u64,
            head: value.chars().take(HEAD_DIGITS).collect(),
            tail: value.chars().skip(value.chars().count() - TAIL_DIGITS).collect(),
        }
    }

    /// The number of decimal digits.
    #[must_use]
    pub fn digits(&self) -> u64 {
        match self {
            Self::Whole { value } => value.len() as u64,
            Self::Long { digits, .. } => *digits,
        }
    }

    /// The value as `GET /values/current` gives it: whole, or its head, `…`, its tail and the count.
    #[must_use]
    pub fn brief(&self) -> String {
        match self {
            Self::Whole { value } => value.clone(),
            Self::Long { digits, head, tail } => format!("{head}…{tail} ({digits} digits)"),
        }
    }
}

impl Entry {
    /// The value as the original's clients read it: [`Outcome::brief`], or `Nothing yet!`.
    #[must_use]
    pub fn brief(&self) -> String {
        self.outcome.as_ref().map_or_else(|| NOTHING_YET.to_owned(), Outcome::brief)
    }

    /// Takes `other` if it is a later state of the same entry; says whether it did.
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
    /// Number of decimal digits of the value.
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
    /// Why it failed or is still pending.
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
    fn an_entry_is_flat_on_the_wire_and_read_back() {
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
    fn a_long_value_goes_along_as_its_two_ends() {
        let long = Entry { outcome: Some(Outcome::of(&"12345".repeat(300))), ..entry() };
        let json = serde_json::to_value(&long).unwrap();
        assert_eq!(json["digits"], 1_500);
        assert_eq!(json["head"].as_str().unwrap().len(), HEAD_DIGITS);
        assert!(json.get("value").is_none());
        assert_eq!(serde_json::from_value::<Entry>(json).unwrap(), long);
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
