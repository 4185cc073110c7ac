//! A client that submits continuously and remembers what was accepted.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use e2e::{Client, eventually};
use protocol::Outcome;
use serde_json::json;
use tokio::task::JoinHandle;

/// Pause between submissions, long enough that the requests themselves do not overload the machine.
const PAUSE: Duration = Duration::from_millis(20);

/// A client that submits one index after the other and remembers what was accepted.
pub(crate) struct Submitter {
    stop: Arc<AtomicBool>,
    accepted: Arc<AtomicU32>,
    task: JoinHandle<Submitted>,
}

/// Outcome of the submissions.
#[derive(Debug, Default)]
pub(crate) struct Submitted {
    pub(crate) accepted: Vec<u32>,
    /// Number of 503 responses.
    pub(crate) turned_away: u32,
    /// Any other failures.
    pub(crate) errors: Vec<String>,
}

impl fmt::Display for Submitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (accepted, errors) = (self.accepted.len(), self.errors.len());
        write!(f, "{accepted} accepted, {} turned away, {errors} cut off", self.turned_away)
    }
}

impl Submitter {
    /// Starts submitting from this index.
    pub(crate) fn start(api: &Client, first: u32) -> Self {
        let (stop, accepted) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let task = tokio::spawn(submit(api.with_new_connections(), first, stop.clone(), accepted.clone()));
        Self { stop, accepted, task }
    }

    /// Waits until this many more were accepted.
    pub(crate) async fn accepted_more(&self, count: u32) {
        let wanted = self.accepted.load(Ordering::Relaxed) + count;
        eventually(format!("{count} more submissions are accepted"), || async {
            let now = self.accepted.load(Ordering::Relaxed);
            if now >= wanted { Ok(()) } else { Err(now) }
        })
        .await;
    }

    /// Stops submitting.
    pub(crate) async fn stop(self) -> Submitted {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap()
    }
}

async fn submit(api: Client, first: u32, stop: Arc<AtomicBool>, accepted: Arc<AtomicU32>) -> Submitted {
    let mut submitted = Submitted::default();
    for index in first.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let request =
            api.request(reqwest::Method::POST, "/values").json(&json!({ "index": index.to_string() }));
        match api.try_send(request).await {
            Ok(answer) if answer.status == 200 => {
                submitted.accepted.push(index);
                accepted.fetch_add(1, Ordering::Relaxed);
            }
            Ok(answer) if answer.status == 503 => submitted.turned_away += 1,
            Ok(answer) => submitted.errors.push(format!("{answer:?}")),
            Err(error) => submitted.errors.push(format!("{error:?}")),
        }
        tokio::time::sleep(PAUSE).await;
    }
    submitted
}

/// Waits until all of these have their correct values.
pub(crate) async fn all_are_computed(api: &Client, indexes: &[u32]) {
    for index in indexes {
        assert_eq!(api.value(*index).await, expected(*index), "{index}");
    }
}

/// The value as it appears in entries.
pub(crate) fn expected(index: u32) -> String {
    Outcome::of(&e2e::expected(index)).brief()
}
