//! The Compose files.

use std::collections::BTreeMap;

use e2e::engine::{docker, output};
use serde_json::{Value, json};

/// The configuration that `docker compose` reads from these files. It must not print a warning.
fn config(files: &[&str]) -> Value {
    let mut compose = docker();
    compose.args(["compose", "--profile=*"]).env("PGHOST", "db.example.org").env("TLS_DIR", "/tls");
    for file in files {
        compose.args(["--file", file]);
    }
    let output = output(compose.args(["config", "--format=json"]));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{files:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn compose_accepts_all_files_without_a_warning() {
    for files in [
        ["compose.yaml"].as_slice(),
        &["compose/development.yaml"],
        &["compose/production.yaml"],
        &["compose/production.yaml", "compose/test.yaml"],
        &["compose/production.yaml", "compose/debug.yaml"],
        &["compose/production.yaml", "compose/tls.yaml"],
        &["compose/self-hosted.yaml"],
        &["compose/self-hosted.yaml", "compose/tls.yaml"],
    ] {
        config(files);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn production_is_three_images_with_the_originals_host_names() {
    let production = config(&["compose/production.yaml"]);
    let services = production["services"].as_object().unwrap();
    let hosts: BTreeMap<_, _> = services
        .iter()
        .filter(|(_, service)| service["profiles"].is_null())
        .map(|(name, service)| (name.as_str(), service["hostname"].as_str().unwrap()))
        .collect();
    assert_eq!(hosts, BTreeMap::from([("server", "api"), ("worker", "worker"), ("nginx", "nginx")]));
    assert_eq!(services["server"]["networks"]["default"]["aliases"], json!(["api", "client"]));
    // Forwarded by name, with a value if it is set.
    let environment = &services["server"]["environment"];
    assert_eq!(
        (&environment["PGHOST"], &environment["PGPASSWORD"]),
        (&json!("db.example.org"), &Value::Null)
    );
    for (name, service) in services {
        assert!(service.get("build").is_none(), "{name} must not be built");
        // Only the optional collector, which is not ours, needs more.
        let memory_mib = if service["profiles"].is_null() { 128 } else { 256 };
        for (what, expected) in [
            ("mem_limit", json!((memory_mib * 1024 * 1024).to_string())),
            ("read_only", json!(true)),
            ("cap_drop", json!(["ALL"])),
            ("security_opt", json!(["no-new-privileges:true"])),
            ("restart", json!("unless-stopped")),
        ] {
            assert_eq!(service[what], expected, "{name}: {what}");
        }
        assert_eq!(service["logging"]["options"]["max-size"], "10m", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn development_has_the_originals_settings() {
    let development = config(&["compose.yaml"]);
    let environment = &development["services"]["server"]["environment"];
    for (name, value) in [
        ("REDIS_HOST", "redis"),
        ("REDIS_PORT", "6379"),
        ("PGHOST", "postgres"),
        ("PGUSER", "postgres"),
        ("PGDATABASE", "postgres"),
        ("PGPASSWORD", "postgres_password"),
        ("PGPORT", "5432"),
    ] {
        assert_eq!(environment[name], value, "{name}");
    }
    let port = &development["services"]["nginx"]["ports"][0];
    assert_eq!((&port["published"], &port["target"]), (&json!("3050"), &json!(80)));
}
