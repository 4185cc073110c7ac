//! Crashed containers restart, and nothing is lost.

use e2e::{
    Compose,
    engine::{crash, inspect, run_docker},
    eventually,
};
use protocol::Status;

use crate::submitter::{Submitter, all_are_computed};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_container_restarts_and_nothing_accepted_is_lost() {
    let stack = Compose::production().await;
    let mut accepted = Vec::new();
    for (service, first) in
        [("worker", 10_000), ("server", 20_000), ("nginx", 30_000), ("redis", 40_000), ("postgres", 50_000)]
    {
        let submitter = Submitter::start(&stack.api(), first);
        submitter.accepted_more(5).await;
        let container = stack.container(service);
        crash(&container);
        eventually(format!("{service} is restarted"), || async {
            match inspect(&container, "{{.RestartCount}} {{.State.Running}}").as_str() {
                "0 true" => Err("it has not been restarted yet".to_owned()),
                state if state.ends_with("true") => Ok(()),
                state => Err(state.to_owned()),
            }
        })
        .await;
        // The same address works again for the same client.
        submitter.accepted_more(5).await;
        let submitted = submitter.stop().await;
        println!("{service} killed: {submitted}");
        if service != "nginx" {
            assert_eq!(
                submitted.errors,
                Vec::<String>::new(),
                "with {service} killed, every failure must be a 503"
            );
        }
        all_are_computed(&stack.api(), &submitted.accepted).await;
        accepted.extend(submitted.accepted);
    }
    // Including what was submitted before the databases were killed.
    all_are_computed(&stack.api(), &accepted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_a_worker_is_unhealthy_but_a_server_stays_healthy() {
    let stack = Compose::production().await;
    stack.health_when("worker", "healthy").await;
    stack.run(&["pause", "redis"]);
    stack.health_when("worker", "unhealthy").await;
    // Restarting the server would not help.
    assert_eq!(inspect(&stack.container("server"), "{{.State.Health.Status}}"), "healthy");
    // The submission is recorded anyway.
    let entry = stack.api().submit(600).await;
    assert_eq!(entry.status, Status::Pending);
    stack.run(&["unpause", "redis"]);
    stack.health_when("worker", "healthy").await;
    all_are_computed(&stack.api(), &[600]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_stops_gracefully_and_keeps_its_data() {
    let stack = Compose::production().await;
    stack.api().submit(700).await;
    all_are_computed(&stack.api(), &[700]).await;
    // An open stream must not delay the stop.
    let events = stack.api().events().await;
    stack.run(&["stop"]);
    drop(events);
    for service in ["server", "worker", "nginx"] {
        let state = inspect(&stack.container(service), "{{.State.ExitCode}} {{.State.OOMKilled}}");
        assert_eq!(state, "0 false", "{service} did not stop gracefully:\n{}", stack.log(service));
    }
    stack.run(&["down"]);
    assert_eq!(run_docker(&["ps", "--quiet", "--filter", &format!("name={}", stack.project())]), "");
    stack.up(&[]);
    stack.api().ready().await;
    let entry = stack.api().entry_at(700, Status::Done).await;
    assert_eq!(entry.times_submitted, 1);
    all_are_computed(&stack.api(), &[700]).await;
}
