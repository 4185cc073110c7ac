//! Fargate from an empty account to a computed number, through changes and failures, to an empty account.

use e2e::Client;
use job::JOB;

use crate::cloud::{Cloud, assert_computed_sample};

#[tokio::test(flavor = "multi_thread")]
async fn fargate_is_deployed_updated_rolled_back_and_destroyed() {
    let cloud = Cloud::start("paid");
    let text = cloud.xtask("", "deploy fargate --here");
    assert!(text.contains(&format!("submitted {} at http://", JOB.sample.index)), "{text}");
    assert_computed_sample(&text);
    let url = cloud.output("fibstack-base", "Url");
    let api = Client::new(format!("{url}/api"));
    assert_eq!(api.value(JOB.sample.index).await, JOB.sample.value);

    let first = cloud.output("fibstack-server", "Image");
    cloud.push_version("two");
    let text = cloud.xtask("two", "deploy fargate --pushed");
    assert!(text.contains(&format!("submitted {} at ", JOB.sample.index + 1)), "{text}");
    assert_ne!(cloud.output("fibstack-server", "Image"), first);
    // Deploying the same version again changes nothing.
    let text = cloud.xtask("two", "deploy fargate --pushed --only worker");
    assert!(text.contains("stack fibstack-worker: unchanged"), "{text}");
    cloud.xtask("", "deploy fargate --rollback");
    assert_eq!(cloud.output("fibstack-server", "Image"), first);

    // A version that cannot start does not replace the running one.
    cloud.push_broken_version("broken");
    let (output, text) = cloud.xtask_try("broken", "deploy fargate --pushed --only server");
    assert!(!output.status.success());
    assert!(text.contains("The previous version is still running"), "{text}");
    // The program's own message is shown.
    assert!(text.contains("SITE_ADDR"), "{text}");
    assert_eq!(cloud.output("fibstack-server", "Image"), first);
    assert_eq!(api.value(JOB.sample.index).await, JOB.sample.value);

    let text = cloud.xtask("", "deploy fargate --status");
    assert!(text.contains("server: 1 of 1 tasks running"), "{text}");
    let text = cloud.xtask("", "deploy fargate --logs");
    assert!(text.contains("/fibstack/server ecs/server/"), "{text}");
    assert!(text.contains("listening"), "{text}");

    // The one-off task uses the running image.
    cloud.xtask("", "images push debug");
    let text = cloud.xtask("", "db check --deployed");
    assert!(text.contains("user: ok (fibstack)") && text.contains("schema: ok (version "), "{text}");

    cloud.xtask("", "deploy fargate --pause");
    let text = cloud.xtask("", "deploy fargate --status");
    assert!(text.contains("worker: 0 of 0 tasks running"), "{text}");
    cloud.xtask("", "deploy fargate --resume");
    cloud.xtask("", "deploy fargate --force-new-deployment --only worker");

    cloud.assert_no_secret_was_shown();
    let (output, text) = cloud.xtask_try("", "deploy fargate --destroy");
    assert!(!output.status.success());
    assert!(text.contains("Not a terminal: pass --yes to confirm"), "{text}");
    cloud.xtask("", "deploy fargate --destroy --yes");
    assert_eq!(cloud.stacks(), ["fibstack-data"]);
    cloud.xtask("", "deploy fargate --destroy --delete-data --yes");
    assert_eq!(cloud.stacks(), [""; 0]);
    let snapshots = cloud.aws(&["rds", "describe-db-snapshots", "--query", "DBSnapshots[].Status"]);
    assert_eq!(snapshots, "available");
}
