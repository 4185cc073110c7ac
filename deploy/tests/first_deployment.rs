//! A first deployment by somebody who makes mistakes, on AWS's free plan.

use crate::cloud::{Cloud, assert_computed_sample};

/// Mistakes, and what the message about each contains.
const MISTAKES: [(&str, &str); 12] = [
    ("fargate --allow-from /32", "must be an IPv4 network such as 192.0.2.7/32"),
    ("fargate --domain Example.org", "must be a lowercase domain such as example.org"),
    ("fargate --domain example.org", "An administrator adds it: aws cloudformation deploy"),
    ("fargate --subnets subnet-00000001", "in at least two availability zones"),
    ("fargate --vpc vpc-missing", "vpc-missing"),
    ("fargate --set Cpu=512 --set Memory=512", "Memory must be from 1024 to 4096"),
    ("fargate --set WorkerCount=9", "must not be greater than WorkerMaxCount=4"),
    ("fargate --only server", "the first deployment must include all parts"),
    ("beanstalk --set Cpu=512", "no parameter Cpu"),
    ("beanstalk --set MinInstances=9", "must not be greater than MaxInstances=4"),
    ("beanstalk --set Secret1=PGHOST=arn:aws:ssm:eu-central-1:1:parameter/x", "the variable PGHOST"),
    ("beanstalk --logs", "has no environment; run cargo xtask deploy beanstalk"),
];

#[test]
fn mistakes_are_found_before_anything_is_created_and_the_free_plan_is_respected() {
    let cloud = Cloud::start("free");
    for (line, expected) in MISTAKES {
        let (output, text) = cloud.xtask_try("", &format!("deploy {line}"));
        assert!(!output.status.success() && text.contains(expected), "{line}: {text}");
    }
    let (output, text) = cloud.xtask_try("", "deploy fargate --status --system other");
    assert!(!output.status.success() && text.contains("the stack other-access cannot be read"), "{text}");
    assert_eq!(cloud.stacks(), [""; 0]);

    cloud.xtask("", "images push server worker nginx");
    cloud.push_version("one");
    let text = cloud.xtask("one", "deploy fargate --pushed");
    assert!(text.contains("on AWS's free plan, which allows one day of backups"), "{text}");
    assert_computed_sample(&text);

    let (output, text) = cloud.xtask_try("one", "deploy fargate --pushed --set BackupDays=7");
    assert!(!output.status.success() && text.contains("FreeTierRestrictionError"), "{text}");
    let (output, text) =
        cloud.xtask_try("one", "deploy fargate --pushed --subnets subnet-00000001,subnet-00000002");
    assert!(!output.status.success() && text.contains("already in another network"), "{text}");
}
