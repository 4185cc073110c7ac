//! Messages on the Redis channel `events`, between our own servers and workers.

use serde::{Deserialize, Serialize};

use crate::{event::Event, index::Index, worker_id::WorkerId};

/// Maximum length of a notice, in bytes. It is limited because every watcher gets a copy, and anyone with access to
/// Redis can publish one. The longest of our own contains a value of 1,000 characters.
const MAX_JSON_BYTES: usize = 32 * 1024;

/// A message on the channel `events`, as JSON. The Board's scripts and servers publish it; servers
/// receive it.
///
/// During a rolling update, sender and receiver may be of different versions. A receiver skips a notice
/// of a kind it does not know, and ignores unknown fields: the state itself is in the Record and on the
/// Board, so a skipped notice only delays what watchers see.
///
/// Workers have no access to the Record, so their notices contain no revision; the server that receives one
/// looks up the entry. [`Notice::Changed`] comes from a server and is passed on to watchers unchanged.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Notice {
    /// A worker claimed an index.
    Claimed {
        /// The index.
        index: Index,
        /// The worker.
        worker: WorkerId,
        /// Number of the attempt, from 1.
        attempt: u32,
        /// Time at which the index was put on the pending list, in µs since 1970.
        announced_us: u64,
        /// Time of the claim, in µs since 1970.
        claimed_us: u64,
    },
    /// A worker renewed its lease and reported progress.
    Progress {
        /// The index.
        index: Index,
        /// The worker.
        worker: WorkerId,
        /// Number of the attempt, from 1.
        attempt: u32,
        /// Share of the computation that is done, 0.0 to 1.0.
        progress: f64,
    },
    /// One of our workers posted a result to `values`.
    Finished {
        /// The index.
        index: Index,
        /// The worker.
        worker: WorkerId,
        /// Time at which the index was put on the pending list; absent if the worker had lost its claim.
        announced_us: Option<u64>,
        /// Time of the claim; absent if the worker had lost it.
        claimed_us: Option<u64>,
        /// Time at which the computation ended, by the worker's clock.
        computed_us: u64,
        /// Time at which the result was posted.
        posted_us: u64,
        /// The value, unless it is longer than [`SHORT_DIGITS`](crate::SHORT_DIGITS) bytes.
        value: Option<String>,
    },
    /// An index failed for good.
    GivenUp {
        /// The index.
        index: Index,
        /// Reason it failed.
        reason: String,
    },
    /// A server changed an entry in the Record; watchers get the event.
    Changed {
        /// The event.
        event: Event,
    },
}

impl Notice {
    /// Returns the index that the notice is about.
    #[must_use]
    pub const fn index(&self) -> Index {
        match self {
            Self::Claimed { index, .. }
            | Self::Progress { index, .. }
            | Self::Finished { index, .. }
            | Self::GivenUp { index, .. } => *index,
            Self::Changed { event } => event.entry.index,
        }
    }

    /// Parses a notice.
    ///
    /// # Errors
    /// Fails if it is too long, not JSON, or of a kind or shape that this version does not know. Receivers skip it.
    pub fn from_json(json: &[u8]) -> serde_json::Result<Self> {
        if json.len() > MAX_JSON_BYTES {
            return Err(serde::de::Error::custom("longer than any notice"));
        }
        serde_json::from_slice(json)
    }

    /// Serialises a notice.
    ///
    /// # Errors
    /// Fails only if writing to memory fails.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Entry, EventKind, Outcome, Revision, Status, Timeline};

    fn index() -> Index {
        Index::try_from(7).unwrap()
    }

    fn worker() -> WorkerId {
        WorkerId::new("w1")
    }

    fn changed(kind: EventKind) -> Notice {
        let entry = Entry {
            index: index(),
            position: 1,
            status: Status::Done,
            revision: Revision::recorded(2),
            outcome: Some(Outcome::of("“13”\n")),
            times_submitted: 1,
            reason: None,
            worker: Some(worker()),
            attempt: None,
            progress: None,
            timeline: Timeline { accepted_us: Some(5), ..Timeline::default() },
        };
        Notice::Changed { event: Event { kind, entry } }
    }

    #[test]
    fn each_kind_has_exactly_this_json() {
        let finished = |times: Option<u64>, value: Option<&str>| Notice::Finished {
            index: index(),
            worker: worker(),
            announced_us: times,
            claimed_us: times.map(|us| us + 1),
            computed_us: 30,
            posted_us: 40,
            value: value.map(str::to_owned),
        };
        for (notice, json) in [
            (
                Notice::Claimed {
                    index: index(),
                    worker: worker(),
                    attempt: 1,
                    announced_us: 10,
                    claimed_us: 20,
                },
                r#"{"type":"claimed","index":7,"worker":"w1","attempt":1,"announced_us":10,"claimed_us":20}"#,
            ),
            (
                Notice::Progress { index: index(), worker: worker(), attempt: 2, progress: 0.25 },
                r#"{"type":"progress","index":7,"worker":"w1","attempt":2,"progress":0.25}"#,
            ),
            (
                finished(Some(10), Some("a \"ü\"")),
                r#"{"type":"finished","index":7,"worker":"w1","announced_us":10,"claimed_us":11,"computed_us":30,"posted_us":40,"value":"a \"ü\""}"#,
            ),
            (
                finished(None, None),
                r#"{"type":"finished","index":7,"worker":"w1","announced_us":null,"claimed_us":null,"computed_us":30,"posted_us":40,"value":null}"#,
            ),
            (
                Notice::GivenUp { index: index(), reason: "no \"memory\"".to_owned() },
                r#"{"type":"given_up","index":7,"reason":"no \"memory\""}"#,
            ),
            (
                changed(EventKind::Rejected),
                r#"{"type":"changed","event":{"kind":"rejected","entry":{"index":7,"position":1,"status":"done","revision":2097152,"times_submitted":1,"digits":5,"value":"“13”\n","worker":"w1","timeline":{"accepted_us":5}}}}"#,
            ),
        ] {
            assert_eq!(notice.to_json().unwrap(), json);
            assert_eq!(Notice::from_json(json.as_bytes()).unwrap(), notice);
        }
    }

    #[test]
    fn every_event_kind_survives_the_round_trip() {
        for kind in EventKind::ALL {
            let json = changed(kind).to_json().unwrap();
            assert!(json.contains(&format!(r#""kind":"{}""#, kind.as_str())), "{json}");
            assert_eq!(Notice::from_json(json.as_bytes()).unwrap(), changed(kind));
        }
    }

    #[test]
    fn unknown_kinds_are_errors_that_receivers_skip() {
        let later =
            changed(EventKind::Done).to_json().unwrap().replace(r#""kind":"done""#, r#""kind":"later""#);
        for json in [r#"{"type":"later","index":7}"#, "{}", "not json", "", &later] {
            assert!(Notice::from_json(json.as_bytes()).is_err(), "{json}");
        }
    }

    #[test]
    fn what_another_program_writes_is_bounded() {
        let long = "x".repeat(40_000);
        let json = format!(r#"{{"type":"given_up","index":7,"reason":"{long}"}}"#);
        assert!(Notice::from_json(json.as_bytes()).is_err());
        let json = r#"{"type":"progress","index":7,"worker":"a\nLONG","attempt":1,"progress":0.5}"#;
        let notice = Notice::from_json(json.replace("LONG", &"x".repeat(1_000)).as_bytes()).unwrap();
        let Notice::Progress { worker, .. } = notice else { panic!("{notice:?}") };
        assert!(worker.as_str().starts_with("a x") && worker.as_str().chars().count() == 128, "{worker}");
    }

    #[test]
    fn unknown_fields_are_ignored() {
        let json = br#"{"type":"given_up","index":7,"reason":"no","later":{"a":[1]}}"#;
        let expected = Notice::GivenUp { index: index(), reason: "no".to_owned() };
        assert_eq!(Notice::from_json(json).unwrap(), expected);
    }
}
