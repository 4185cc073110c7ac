//! Several servers, several workers.

use std::collections::BTreeSet;

use e2e::{Compose, eventually};
use serde_json::Value;

use crate::submitter::{Submitter, all_are_computed};

/// Upstreams that responded to nginx.
fn upstreams(stack: &Compose) -> BTreeSet<String> {
    let log = stack.log("nginx");
    let requests = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let answered = requests.filter(|request| request["status"] == 200 && request["method"] == "POST");
    answered.filter_map(|request| request["upstream"].as_str().map(str::to_owned)).collect()
}

/// Workers that computed one of these indexes.
async fn workers(stack: &Compose, indexes: &[u32]) -> BTreeSet<String> {
    let mut workers = BTreeSet::new();
    for index in indexes {
        let entry = stack.api().try_entry(*index).await.unwrap();
        workers.extend(entry.worker.map(|worker| worker.to_string()));
    }
    workers
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_and_workers_can_be_added_and_removed_under_load() {
    let stack = Compose::production().await;
    let submitter = Submitter::start(&stack.api(), 1_000);
    submitter.accepted_more(5).await;
    stack.up(&["--no-recreate", "--scale", "worker=4", "--scale", "server=2"]);
    assert_eq!((stack.containers("worker").len(), stack.containers("server").len()), (4, 2));
    eventually("nginx uses both servers", || async {
        let upstreams = upstreams(&stack);
        if upstreams.len() >= 2 { Ok(()) } else { Err(format!("{upstreams:?}")) }
    })
    .await;
    let submitted = submitter.stop().await;
    println!("one server added: {submitted}");
    // A server listens only once its database is ready.
    assert_eq!(
        (submitted.turned_away, submitted.errors),
        (0, Vec::new()),
        "adding containers must not be noticed"
    );
    all_are_computed(&stack.api(), &submitted.accepted).await;

    // Too much work for one worker to claim all of it.
    let many: Vec<u32> = (4_000_000..4_000_040).collect();
    for index in &many {
        stack.api().submit(*index).await;
    }
    all_are_computed(&stack.api(), &many).await;
    let workers = workers(&stack, &many).await;
    assert_eq!(workers.len(), 4, "every worker must compute some: {workers:?}");

    let submitter = Submitter::start(&stack.api(), 5_000);
    submitter.accepted_more(5).await;
    stack.up(&["--no-recreate", "--scale", "worker=1", "--scale", "server=1"]);
    submitter.accepted_more(20).await;
    let submitted = submitter.stop().await;
    println!("one server removed: {submitted}");
    assert_eq!(submitted.errors, Vec::<String>::new(), "a stopping server must refuse with 503");
    all_are_computed(&stack.api(), &submitted.accepted).await;
}
