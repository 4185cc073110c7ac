//! From nothing to a number on Fargate, through changes and failures, and back to nothing.

use e2e::Client;

use crate::cloud::Cloud;

#[tokio::test(flavor = "multi_thread")]
async fn fargate_from_nothing_to_a_number_and_back_to_nothing() {
    let cloud = Cloud::start();
    let text = cloud.xtask("", "deploy fargate --here");
    assert!(text.contains("submitted 1000 at http://"), "{text}");
    assert!(text.contains("F(1000) = 434665…228875, 209 digits"), "{text}");
    let url = cloud.told_by("fibstack-base", "Url");
    let api = Client::new(format!("{url}/api"));
    assert_eq!(api.value(1000).await.len(), 209);

    let first = cloud.told_by("fibstack-server", "Image");
    cloud.push_version("two");
    let text = cloud.xtask("two", "deploy fargate --pushed");
    assert!(text.contains("submitted 1001 at "), "{text}");
    assert_ne!(cloud.told_by("fibstack-server", "Image"), first);
    // The same again changes nothing.
    let text = cloud.xtask("two", "deploy fargate --pushed --only worker");
    assert!(text.contains("stack fibstack-worker is as it should be"), "{text}");
    cloud.xtask("", "deploy fargate --rollback");
    assert_eq!(cloud.told_by("fibstack-server", "Image"), first);

    // What can't start does not take the place of what runs.
    cloud.push_broken_version("broken");
    let (output, text) = cloud.xtask_try("broken", "deploy fargate --pushed --only server");
    assert!(!output.status.success());
    assert!(text.contains("What ran before runs on"), "{text}");
    // And why is shown, as the program says it.
    assert!(text.contains("SITE_ADDR"), "{text}");
    assert_eq!(cloud.told_by("fibstack-server", "Image"), first);
    assert_eq!(api.value(1000).await.len(), 209);

    let text = cloud.xtask("", "deploy fargate --status");
    assert!(text.contains("server: 1 of 1 tasks run"), "{text}");
    let text = cloud.xtask("", "deploy fargate --logs");
    assert!(text.contains("/fibstack/server ecs/server/"), "{text}");
    assert!(text.contains("listening"), "{text}");

    // The one-off task takes the image that runs.
    cloud.xtask("", "images push debug");
    let text = cloud.xtask("", "db check --deployed");
    assert!(text.contains("user: ok (fibstack)") && text.contains("schema: ok (version "), "{text}");

    cloud.xtask("", "deploy fargate --pause");
    let text = cloud.xtask("", "deploy fargate --status");
    assert!(text.contains("worker: 0 of 0 tasks run"), "{text}");
    cloud.xtask("", "deploy fargate --resume");
    cloud.xtask("", "deploy fargate --force-new-deployment --only worker");

    cloud.assert_no_secret_was_shown();
    let (output, text) = cloud.xtask_try("", "deploy fargate --destroy");
    assert!(!output.status.success());
    assert!(text.contains("There is no terminal to ask at"), "{text}");
    cloud.xtask("", "deploy fargate --destroy --yes");
    assert_eq!(cloud.stacks(), ["fibstack-data"]);
    cloud.xtask("", "deploy fargate --destroy --delete-data --yes");
    assert_eq!(cloud.stacks(), [""; 0]);
    let snapshots = cloud.aws(&["rds", "describe-db-snapshots", "--query", "DBSnapshots[].Status"]);
    assert_eq!(snapshots, "available");
}
