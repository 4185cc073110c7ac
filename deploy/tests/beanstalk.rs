//! Elastic Beanstalk from an empty account to a computed number, through changes and failures, to an empty account.

use e2e::Client;
use job::JOB;

use crate::cloud::{Cloud, assert_computed_sample};

#[tokio::test(flavor = "multi_thread")]
async fn beanstalk_is_deployed_updated_rolled_back_and_destroyed() {
    let cloud = Cloud::start("paid");
    cloud.xtask("", "images push server worker nginx");
    let text = cloud.xtask("latest", "deploy beanstalk --pushed");
    assert_computed_sample(&text);
    let url = cloud.output("fibstack-beanstalk", "Url");
    let api = Client::new(format!("{url}/api"));
    assert_eq!(api.value(JOB.sample.index).await, JOB.sample.value);

    let first = cloud.output("fibstack-beanstalk", "Version");
    cloud.push_version("two");
    cloud.xtask("two", "deploy beanstalk --pushed");
    assert_ne!(cloud.output("fibstack-beanstalk", "Version"), first);
    cloud.xtask("", "deploy beanstalk --rollback");
    assert_eq!(cloud.output("fibstack-beanstalk", "Version"), first);

    // A version that cannot start does not replace the running one.
    cloud.push_broken_version("broken");
    let (output, text) = cloud.xtask_try("broken", "deploy beanstalk --pushed");
    assert!(!output.status.success());
    assert!(text.contains("The previous version is still running"), "{text}");
    assert_eq!(cloud.output("fibstack-beanstalk", "Version"), first);
    let url = cloud.output("fibstack-beanstalk", "Url");
    assert_eq!(Client::new(format!("{url}/api")).value(JOB.sample.index).await, JOB.sample.value);

    let text = cloud.xtask("", "deploy beanstalk --status");
    assert!(text.contains("health: Green"), "{text}");
    let text = cloud.xtask("", "deploy beanstalk --logs");
    assert!(text.contains("listening"), "{text}");

    cloud.assert_no_secret_was_shown();
    cloud.xtask("", "deploy beanstalk --destroy --yes");
    assert_eq!(cloud.stacks(), ["fibstack-data"]);
    cloud.xtask("", "deploy beanstalk --destroy --delete-data --yes");
    assert_eq!(cloud.stacks(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn beanstalks_ecs_platform_runs_the_dockerrun_file() {
    let cloud = Cloud::start("paid");
    cloud.xtask("", "images push server worker nginx");
    let text = cloud.xtask("latest", "deploy beanstalk --pushed --platform ecs");
    assert_computed_sample(&text);
    let (output, text) = cloud.xtask_try("latest", "deploy beanstalk --pushed");
    assert!(!output.status.success());
    assert!(text.contains("is on Beanstalk's platform ECS, which cannot change"), "{text}");
    cloud.assert_no_secret_was_shown();
}
