//! `Dockerrun.aws.json`, the production stack for Elastic Beanstalk's ECS platform.

// clippy recognises tests by their attribute, which this function does not have.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

/// Returns the text after `start` in the first line that begins with it.
fn after<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.trim().strip_prefix(start))
}

#[test]
fn dockerrun_describes_the_production_stack() {
    let production = include_str!("../../compose/production.yaml");
    let dockerrun: Value = serde_json::from_str(include_str!("../beanstalk/Dockerrun.aws.json")).unwrap();
    // The ECS platform has links instead of Compose's aliases.
    let aliases = after(production, "aliases: [").unwrap().trim_end_matches(']').split(", ");
    let mut links: Vec<_> = aliases.map(|alias| format!("server:{alias}")).collect();
    links.sort_by_key(|link| link != "server:client");
    let memory: u32 = after(production, "mem_limit: ").unwrap().trim_end_matches('m').parse().unwrap();
    let containers = ["server", "worker", "nginx"].map(|name| {
        let (_, service) = production.split_once(&format!("\n  {name}:\n")).unwrap();
        let image = after(service, "image: ").unwrap();
        let mut container = json!({
            "name": name,
            "image": image.replace("${IMAGE_PREFIX:-fibstack/}", "fibstack/").replace("${IMAGE_TAG:-latest}", "latest"),
            "hostname": after(service, "hostname: ").unwrap(),
            "memory": memory,
            // ECS does not restart a container by itself. It ends the task when an essential one exits, and Elastic
            // Beanstalk then starts the task again.
            "essential": true,
        });
        if name == "nginx" {
            let ports = after(service, "ports: [\"${HTTP_PORT:-").unwrap().trim_end_matches("\"]");
            let (host, inside) = ports.split_once("}:").unwrap();
            let [host, inside] = [host, inside].map(|port| port.parse::<u16>().unwrap());
            container["portMappings"] = json!([{ "hostPort": host, "containerPort": inside }]);
            container["links"] = json!(links);
        }
        container
    });
    // Without an execution role, the containers would not get their passwords. The bundle fills it in.
    let role = "EXECUTION_ROLE";
    assert_eq!(
        dockerrun,
        json!({ "AWSEBDockerrunVersion": 2, "executionRoleArn": role, "containerDefinitions": containers })
    );
}
