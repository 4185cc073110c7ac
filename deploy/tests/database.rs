//! Managing the database of a system on AWS from inside its network.

use crate::cloud::Cloud;

/// Creates only the data stack, which needs no application.
fn create_data(cloud: &Cloud) {
    let first = |what: &str, query: &str| cloud.aws(&["ec2", what, "--query", query]);
    let vpc = first("describe-vpcs", "Vpcs[0].VpcId");
    let subnets = first("describe-subnets", "join(',', Subnets[:2].SubnetId)");
    let parameters = format!(
        r#"[{{"ParameterKey":"VpcId","ParameterValue":"{vpc}"}},
            {{"ParameterKey":"VpcCidr","ParameterValue":"172.31.0.0/16"}},
            {{"ParameterKey":"SubnetIds","ParameterValue":"{subnets}"}}]"#
    );
    let template = concat!("file://", env!("CARGO_MANIFEST_DIR"), "/data.yaml");
    let stack = ["--stack-name", "fibstack-data"];
    let create = ["cloudformation", "create-stack", "--template-body", template, "--parameters", &parameters];
    // The boundary of the access stack allows a system's roles only secrets with its tag.
    let tags = ["--tags", "Key=system,Value=fibstack"];
    cloud.aws(&[&create[..], &stack, &tags].concat());
    cloud.aws(&[&["cloudformation", "wait", "stack-create-complete"][..], &stack].concat());
}

#[test]
fn a_deployed_database_is_managed_from_inside_its_network() {
    let cloud = Cloud::start("paid");
    let (output, text) = cloud.xtask_try("", "db check --deployed");
    assert!(!output.status.success() && text.contains("has no database on AWS yet"), "{text}");
    create_data(&cloud);
    let (output, text) = cloud.xtask_try("", "db check --deployed");
    assert!(!output.status.success() && text.contains("cargo xtask images push server"), "{text}");
    cloud.xtask("", "images push server debug");

    let text = cloud.xtask("", "db check --deployed");
    assert!(text.contains("stack fibstack-operations: created"), "{text}");
    assert!(text.contains("tls: ok (verify-full)") && text.contains("schema: ok (none yet"), "{text}");
    let text = cloud.xtask("", "db create --deployed");
    assert!(text.contains("fibvalues exists already"), "{text}");
    let (output, text) = cloud.xtask_try("", "db seed --deployed");
    assert!(!output.status.success() && text.contains("cargo xtask db migrate --deployed"), "{text}");
    let text = cloud.xtask("", "db migrate --deployed");
    assert!(text.contains("created the schema, version "), "{text}");
    let text = cloud.xtask("", "db seed --deployed");
    assert!(text.contains("submitted: 7, 10"), "{text}");

    let (output, text) = cloud.xtask_try("", "db reset --deployed");
    assert!(!output.status.success() && text.contains("Not a terminal: pass --yes to confirm"), "{text}");
    let text = cloud.xtask("", "db reset --deployed --yes");
    assert!(text.contains("fibvalues dropped") && text.contains("fibvalues created"), "{text}");
    cloud.xtask("", "db kill-connections --deployed --yes");

    cloud.xtask("", "db backup --deployed");
    let snapshots = cloud.aws(&["rds", "describe-db-snapshots", "--query", "DBSnapshots[].Status"]);
    assert_eq!(snapshots, "available");
    cloud.assert_no_secret_was_shown();
}
