//! `GET /values/events`.

use std::time::Duration;

use e2e::{Client, Gate, Sent, expected};
use protocol::{Status, names::HEARTBEAT};
use tokio::time::timeout;

use crate::EntryPoint;

/// The contract says 15 s, because load balancers close connections that are idle for 60 s. The rest is for a busy
/// machine.
const COMMENT_WITHIN: Duration = Duration::from_secs(25);

pub(crate) async fn suite(entry_point: &EntryPoint) {
    let api = &entry_point.api;
    live(api).await;
    reopened(api).await;
    idle(api).await;
}

fn about(index: u32) -> impl Fn(&Sent) -> bool {
    move |sent| sent.entry().index.get() == index
}

/// Every watcher sees a submission from the first event to the value.
async fn live(api: &Client) {
    let mut watchers = [api.events().await, api.events().await];
    let accepted = api.submit(300).await;
    for events in &mut watchers {
        let is_done = |sent: &Sent| sent.event == "done" && about(300)(sent);
        let mut seen = events.until("300 is done", is_done).await;
        seen.retain(about(300));
        let names: Vec<_> = seen.iter().map(|sent| sent.event.as_str()).collect();
        assert_eq!(names.first(), Some(&"submitted"), "{seen:#?}");
        for sent in &seen {
            let entry = sent.entry();
            assert_eq!(sent.id, u64::from(entry.revision).to_string(), "{sent:?}");
            let status = match sent.event.as_str() {
                "submitted" => Status::Pending,
                "computing" => Status::Computing,
                "done" => Status::Done,
                "failed" => Status::Failed,
                _ => panic!("{sent:?}"),
            };
            assert_eq!(entry.status, status, "{sent:?}");
        }
        assert!(seen.is_sorted_by_key(|sent| sent.entry().revision), "{seen:#?}");
        let done = seen.pop().unwrap().entry();
        assert!(done.revision > accepted.revision);
        assert_eq!(done.brief(), expected(300), "{done:?}");
        // A response fetched now is at least as recent as the last event.
        assert!(api.try_entry(300).await.unwrap().revision >= done.revision);
    }
}

/// Streams the progress of a computation that waits at a gate.
pub(crate) async fn progress(api: &Client, gate: &Gate) {
    let mut events = api.events().await;
    api.submit(300).await;
    let half_way = |sent: &Sent| about(300)(sent) && sent.entry().progress.is_some_and(|share| share > 0.4);
    let seen = events.until("300 is half-way", half_way).await;
    assert_eq!(seen.first().map(|sent| sent.event.as_str()), Some("submitted"), "{seen:#?}");
    let shares: Vec<_> = seen[1..].iter().map(|sent| sent.entry().progress).collect();
    assert!(shares.len() > 2 && shares.is_sorted() && shares[0].is_some(), "{seen:#?}");
    for sent in &seen[1..] {
        assert_eq!(sent.event, "computing", "{sent:?}");
        assert_eq!(sent.entry().attempt, Some(1), "{sent:?}");
        assert!(sent.entry().worker.is_some(), "{sent:?}");
    }
    assert!(seen.is_sorted_by_key(|sent| sent.entry().revision), "{seen:#?}");
    let entry = api.get("/values/300").await.expect(200).json();
    assert_eq!(entry["status"], "computing", "{entry}");
    gate.open();
    let rest = events.until("300 is done", |sent| sent.event == "done").await;
    assert!(rest.last().map(Sent::entry).is_some_and(|done| done.revision > seen[0].entry().revision));
}

/// A reopened stream sends only new events; a page that is fetched then contains the earlier changes.
async fn reopened(api: &Client) {
    let before = api.events().await;
    drop(before);
    let mut events = api.events().await;
    let again = api.submit(300).await;
    let seen = events.until("300 is submitted again", about(300)).await;
    let last = seen.last().unwrap();
    assert_eq!(last.event, "submitted");
    assert_eq!(last.entry().revision, again.revision);
    assert_eq!(last.entry().times_submitted, again.times_submitted);
}

/// An idle stream sends heartbeats, with comments.
async fn idle(api: &Client) {
    let mut events = api.events().await;
    let silent = async {
        while let Some(block) = events.block().await {
            if !block.comments.is_empty() {
                return block;
            }
        }
        panic!("the stream ended");
    };
    let block = timeout(COMMENT_WITHIN, silent).await.expect("an idle stream sent no comment");
    assert_eq!(block.event, HEARTBEAT, "{block:?}");
    let interval_ms: u64 = block.data.parse().unwrap();
    assert!((1_000..=15_000).contains(&interval_ms), "{block:?}");
}

pub(crate) async fn refuses_more_than(api: &Client, streams: usize) {
    let mut open = Vec::new();
    for _ in 0..streams {
        open.push(api.events().await);
    }
    let _ = api.get("/values/events").await.expect_problem(503);
    open.pop();
    // The server notices that the client has gone, although it sends nothing.
    e2e::eventually("another stream is accepted", || async {
        match api.request(reqwest::Method::GET, "/values/events").send().await {
            Ok(response) if response.status() == 200 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}
