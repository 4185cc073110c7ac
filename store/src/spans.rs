//! The path of an index as a trace of spans, for OpenTelemetry.
//!
//! The pending list is a set of indexes, so it cannot carry a trace context. Server and worker derive the same
//! ids from the index and the time at which it was put on the list. Each reports its own spans; the server that
//! delivers a result also reports the root span.

use std::sync::Arc;

use protocol::{Entry, Index, WorkerId};

use crate::Claim;

/// A span: from one step of the [timeline](protocol::Timeline) to the next.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Trace id. It starts with the seconds since 1970, as AWS X-Ray requires.
    pub trace: u128,
    /// Span id, which depends on step and attempt.
    pub id: u64,
    /// Id of the root span; `None` for the root itself.
    pub parent: Option<u64>,
    /// Stage at its end, or `submission` for the root.
    pub name: &'static str,
    /// Start, in µs since 1970.
    pub start_us: u64,
    /// End, in µs since 1970; never before the start, even if the clocks of two machines differ.
    pub end_us: u64,
    /// The index.
    pub index: Index,
    /// The worker.
    pub worker: Option<WorkerId>,
    /// Number of the worker's attempt.
    pub attempt: Option<u32>,
    /// Reason the attempt failed.
    pub error: Option<String>,
}

/// Receives spans. Must not block.
pub type SpanSink = Arc<dyn Fn(Span) + Send + Sync>;

/// Name of the root span.
const ROOT: &str = "submission";

/// Fields that identify a trace, known to both server and worker.
struct TraceKey {
    index: Index,
    announced_us: u64,
    worker: Option<WorkerId>,
    attempt: Option<u32>,
}

impl TraceKey {
    fn trace(&self) -> u128 {
        let seconds = self.announced_us / 1_000_000;
        let random = mix(self.announced_us ^ mix(self.index.get().into()));
        u128::from(seconds & 0xffff_ffff) << 96
            | u128::from(random & 0xffff_ffff) << 64
            | u128::from(mix(random))
    }

    /// Span id; zero is invalid.
    fn id(&self, name: &str) -> u64 {
        let attempt = self.attempt.filter(|_| name != ROOT).unwrap_or(0);
        let of_name = name.bytes().fold(attempt.into(), |bits, byte| mix(bits ^ u64::from(byte)));
        mix(self.announced_us ^ mix(u64::from(self.index.get()) ^ of_name)).max(1)
    }

    fn span(&self, name: &'static str, start_us: u64, end_us: u64) -> Span {
        Span {
            trace: self.trace(),
            id: self.id(name),
            parent: (name != ROOT).then(|| self.id(ROOT)),
            name,
            start_us,
            end_us: end_us.max(start_us),
            index: self.index,
            worker: self.worker.clone(),
            attempt: self.attempt,
            error: None,
        }
    }
}

/// Returns the spans of the server that delivers a result: the root, and the steps handled by servers.
#[must_use]
pub fn of_entry(entry: &Entry) -> Vec<Span> {
    let timeline = &entry.timeline;
    let (Some(start), Some(end)) = (timeline.accepted_us, timeline.delivered_us) else { return Vec::new() };
    let key = TraceKey {
        index: entry.index,
        // Unknown for a foreign worker's result, whose trace then has only the server's spans.
        announced_us: timeline.announced_us.unwrap_or(start),
        worker: entry.worker.clone(),
        attempt: None,
    };
    let mut spans = vec![key.span(ROOT, start, end)];
    let mut before = start;
    for (name, at) in timeline.steps() {
        let Some(at) = at else { continue };
        if !["claimed", "computed", "posted"].contains(&name) {
            spans.push(key.span(name, before, at));
        }
        before = at;
    }
    spans
}

/// Returns the spans of a worker's attempt: waiting on the list, computing, and posting or the error.
#[must_use]
pub fn of_attempt(claim: &Claim, computed_us: u64, posted_us: Result<u64, &str>) -> Vec<Span> {
    let key = TraceKey {
        index: claim.lease.index,
        announced_us: claim.announced_us,
        worker: Some(claim.lease.worker.clone()),
        attempt: Some(claim.attempt),
    };
    let mut spans = vec![
        key.span("claimed", claim.announced_us, claim.claimed_us),
        key.span("computed", claim.claimed_us, computed_us),
    ];
    match posted_us {
        Ok(posted_us) => spans.push(key.span("posted", computed_us, posted_us)),
        Err(reason) => spans[1].error = Some(reason.to_owned()),
    }
    spans
}

/// Mixes the bits: the last step of SplitMix64 (Steele, Lea and Flood, 2014). Unlike the standard library's
/// hashes, it is the same in every version.
fn mix(mut bits: u64) -> u64 {
    bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use protocol::{Outcome, Revision, Status, Timeline};

    use super::*;
    use crate::Lease;

    /// 2026-01-01, in µs.
    const START: u64 = 1_767_225_600_000_000;

    fn entry() -> Entry {
        let at = |us| Some(START + us);
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
            timeline: Timeline {
                accepted_us: at(0),
                recorded_us: at(10),
                announced_us: at(20),
                claimed_us: at(30),
                computed_us: at(40),
                posted_us: at(50),
                delivered_us: at(60),
            },
        }
    }

    fn claim(attempt: u32) -> Claim {
        let lease =
            Lease { index: Index::try_from(7).unwrap(), worker: WorkerId::new("w1"), token: "t".to_owned() };
        Claim { lease, attempt, announced_us: START + 20, claimed_us: START + 30 }
    }

    #[test]
    fn spans_of_server_and_worker_form_one_trace() {
        let server = of_entry(&entry());
        let worker = of_attempt(&claim(1), START + 40, Ok(START + 50));
        let found: Vec<_> = server
            .iter()
            .chain(&worker)
            .map(|span| (span.name, span.start_us - START, span.end_us - START))
            .collect();
        let expected = [
            ("submission", 0, 60),
            ("accepted", 0, 0),
            ("recorded", 0, 10),
            ("announced", 10, 20),
            ("delivered", 50, 60),
            ("claimed", 20, 30),
            ("computed", 30, 40),
            ("posted", 40, 50),
        ];
        assert_eq!(found, expected);
        let (root, parts) = server.split_first().unwrap();
        assert_eq!(root.parent, None);
        for part in parts.iter().chain(&worker) {
            assert_eq!((part.trace, part.parent), (root.trace, Some(root.id)), "{}", part.name);
        }
        let ids: BTreeSet<_> = server.iter().chain(&worker).map(|span| span.id).collect();
        assert_eq!(ids.len(), 8);
        assert_eq!(root.trace >> 96, u128::from(START / 1_000_000));
    }

    #[test]
    fn each_submission_has_its_own_trace_and_each_attempt_its_own_span() {
        let first = of_attempt(&claim(1), START + 40, Err("no memory"));
        assert_eq!(first.len(), 2);
        assert_eq!(first[1].error.as_deref(), Some("no memory"));
        let second = of_attempt(&claim(2), START + 40, Ok(START + 50));
        assert_eq!((first[0].trace, first[0].parent), (second[0].trace, second[0].parent));
        assert_ne!(first[0].id, second[0].id);
        let later = Claim { announced_us: START + 21, ..claim(1) };
        assert_ne!(of_attempt(&later, START + 40, Ok(START + 50))[0].trace, first[0].trace);
    }

    #[test]
    fn differing_clocks_never_yield_negative_durations() {
        let spans = of_attempt(&claim(1), START, Ok(START));
        assert!(spans.iter().all(|span| span.start_us <= span.end_us), "{spans:?}");
    }

    #[test]
    fn a_foreign_workers_result_has_only_the_servers_spans() {
        let mut foreign = entry();
        foreign.timeline = Timeline {
            announced_us: None,
            claimed_us: None,
            computed_us: None,
            posted_us: None,
            ..foreign.timeline
        };
        let names: Vec<_> = of_entry(&foreign).iter().map(|span| span.name).collect();
        assert_eq!(names, ["submission", "accepted", "recorded", "delivered"]);
        foreign.timeline.delivered_us = None;
        assert!(of_entry(&foreign).is_empty());
    }
}
