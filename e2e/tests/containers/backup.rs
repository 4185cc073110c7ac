//! The self-hosted stack, and its backup.

use std::process::Stdio;

use e2e::{
    Compose,
    compose::password,
    engine::{inspect, run},
};
use throwaway::Folder;

use crate::submitter::all_are_computed;

#[tokio::test(flavor = "multi_thread")]
async fn a_self_hosted_stack_is_restored_from_its_backup() {
    let indexes = [3, 300, 30_000];
    let folder = Folder::new("backup").unwrap();
    let file = folder.path().join("fibstack.dump");

    let stack = Compose::self_hosted().await;
    for index in indexes {
        stack.api().submit(index).await;
    }
    all_are_computed(&stack.api(), &indexes).await;
    for service in ["server", "worker", "postgres", "redis"] {
        let shown = inspect(&stack.container(service), "{{json .Config}}{{json .Args}}");
        for of in ["postgres", "redis"] {
            assert!(!shown.contains(&password(of)), "{service} exposes the password of {of}");
        }
    }
    let backup = ["run", "--rm", "--no-TTY", "backup"];
    run(stack.compose().args(backup).stdout(std::fs::File::create(&file).unwrap()));

    // Simulates the loss of the machine.
    stack.run(&["down", "--volumes"]);
    stack.up(&[]);
    stack.api().ready().await;
    assert_eq!(stack.api().all().await, Vec::<u64>::new());

    stack.api().submit(4).await;
    stack.run(&["stop", "server", "worker"]);
    let restore = ["run", "--rm", "--no-TTY", "restore"];
    run(stack.compose().args(restore).stdin(Stdio::from(std::fs::File::open(&file).unwrap())));
    stack.up(&[]);
    stack.api().ready().await;
    all_are_computed(&stack.api(), &indexes).await;
    // A new index comes after the restored ones.
    stack.api().submit(5).await;
    let all = stack.api().all().await;
    assert_eq!(&all[..3], [3, 300, 30_000], "{all:?}");
    assert_eq!(all.last(), Some(&5), "{all:?}");
    // The digits of a long value are recomputed: they were only on Redis, which is new.
    let digits = stack.api().value(30_000).await;
    assert!(digits.contains('…'), "{digits}");
}
