//! Size, labels and startup time of the images.

use std::time::Instant;

use e2e::{
    Compose,
    engine::{Container, image, inspect, run_docker},
    eventually,
};

const MEGABYTE: f64 = 1e6;
const MEBIBYTE: f64 = 1024.0 * 1024.0;

fn size(part: &str) -> f64 {
    inspect(&image(part), "{{.Size}}").parse::<f64>().unwrap() / MEGABYTE
}

/// Memory that a container uses in MiB, without file caches.
fn memory(container: &str) -> f64 {
    let text = run_docker(&["stats", "--no-stream", "--format", "{{.MemUsage}}", container]);
    let used = text.split(' ').next().unwrap();
    let number = used.trim_end_matches(|it: char| it.is_ascii_alphabetic());
    let bytes = number.parse::<f64>().unwrap()
        * match &used[number.len()..] {
            "KiB" => 1024.0,
            "MiB" => MEBIBYTE,
            "GiB" => 1024.0 * MEBIBYTE,
            "B" => 1.0,
            other => panic!("{other} in {text}"),
        };
    bytes / MEBIBYTE
}

#[tokio::test(flavor = "multi_thread")]
async fn images_have_labels_and_health_checks() {
    for (part, check) in [("server", "/server"), ("worker", "/worker"), ("nginx", "curl")] {
        let image = image(part);
        assert_eq!(inspect(&image, "{{.Config.User}}"), "10001:10001", "{part}");
        let label = |name: &str| {
            inspect(&image, &format!("{{{{index .Config.Labels \"org.opencontainers.image.{name}\"}}}}"))
        };
        assert_eq!(label("title"), format!("fibstack {part}"));
        assert_eq!(label("licenses"), "MIT OR Apache-2.0");
        for name in ["description", "version", "revision"] {
            assert!(!label(name).is_empty(), "{part} has no label {name}");
        }
        let healthcheck = inspect(&image, "{{json .Config.Healthcheck.Test}}");
        assert!(healthcheck.contains(check), "{part}: {healthcheck}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn images_that_connect_to_postgres_contain_the_authorities_of_amazon_rds() {
    let authorities = std::fs::read_to_string("../certificates/rds.pem").unwrap();
    for arguments in [["--env=EMBEDDED=true", &image("server")], ["--network=none", &image("debug")]] {
        let container = Container::start(&arguments);
        // `docker cp` writes an uncompressed archive of one file.
        let archive = run_docker(&["cp", &format!("{}:/etc/ssl/certs/rds.pem", container.name()), "-"]);
        assert!(archive.contains(&authorities), "{arguments:?}: {} bytes", archive.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn images_are_small_and_use_little_memory() {
    let stack = Compose::production().await;
    stack.api().submit(1_000).await;
    stack.api().value(1_000).await;
    println!("| image | size, MB | memory at rest, MiB |");
    for (part, most) in [("server", Some(23.0)), ("worker", Some(12.0)), ("nginx", None)] {
        let (size, memory) = (size(part), memory(&stack.container(part)));
        println!("| {part} | {size:.1} | {memory:.1} |");
        if let Some(most) = most {
            assert!(size < most, "the image of {part} has {size:.1} MB; it must be below {most}");
        }
        assert!(memory < 32.0, "{part} uses {memory:.1} MiB at rest");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_starts_listening() {
    let start = Instant::now();
    let server = Container::start(&["--env=EMBEDDED=true", "--memory=128m", &image("server")]);
    eventually("the server listens", || async {
        let log = server.log();
        if log.contains("listening") { Ok(()) } else { Err(log) }
    })
    .await;
    println!("docker run to the server's first log of listening: {} ms", start.elapsed().as_millis());
}
