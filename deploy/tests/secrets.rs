//! Further secrets that an administrator stored become environment variables of the programs.

use e2e::engine::{docker, output, unique_name};

use crate::cloud::Cloud;

/// Number of running containers whose environment contains a text.
fn containers_with(text: &str) -> usize {
    let ids = output(docker().args(["ps", "--quiet"]));
    let ids = String::from_utf8_lossy(&ids.stdout).into_owned();
    let environments = ids.split_whitespace().filter(|id| {
        let shown = output(docker().args(["inspect", "--format", "{{json .Config.Env}}", id]));
        String::from_utf8_lossy(&shown.stdout).contains(text)
    });
    environments.count()
}

/// Stores a value in Secrets Manager and another in the Parameter Store, and returns the options that pass them on.
fn store(cloud: &Cloud, [secret, parameter]: [&str; 2]) -> String {
    let create = ["secretsmanager", "create-secret", "--name", "fibstack-one", "--secret-string", secret];
    let tags = ["--tags", "Key=system,Value=fibstack", "--query", "ARN"];
    let secret = cloud.aws(&[&create[..], &tags].concat());
    let name = ["--name", "/fibstack/two"];
    // Not a SecureString, which the emulator cannot decrypt.
    let put = ["ssm", "put-parameter", "--type", "String", "--value", parameter];
    cloud.aws(&[&put[..], &name].concat());
    let parameter = cloud.aws(&[&["ssm", "get-parameter", "--query", "Parameter.ARN"][..], &name].concat());
    format!("--set Secret1=ONE={secret} --set Secret2=TWO={parameter}")
}

#[test]
fn further_secrets_reach_the_tasks_on_fargate() {
    let cloud = Cloud::start("paid");
    let values = [unique_name(), unique_name()];
    let options = store(&cloud, values.each_ref().map(String::as_str));
    cloud.xtask("", "images push server worker nginx");
    cloud.xtask("latest", &format!("deploy fargate --pushed {options}"));
    for (name, value) in ["ONE", "TWO"].into_iter().zip(&values) {
        // The server's and the worker's containers, not nginx's.
        assert_eq!(containers_with(&format!("\"{name}={value}\"")), 2, "{name}");
    }
}

#[test]
fn further_secrets_reach_the_containers_of_beanstalks_ecs_platform() {
    let cloud = Cloud::start("paid");
    let values = [unique_name(), unique_name()];
    let options = store(&cloud, values.each_ref().map(String::as_str));
    cloud.xtask("", "images push server worker nginx");
    cloud.xtask("latest", &format!("deploy beanstalk --pushed --platform ecs {options}"));
    for (name, value) in ["ONE", "TWO"].into_iter().zip(&values) {
        // Beanstalk gives them to every container.
        assert_eq!(containers_with(&format!("\"{name}={value}\"")), 3, "{name}");
    }
}
