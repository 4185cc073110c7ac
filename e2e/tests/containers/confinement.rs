//! Confinement of the containers, checked from inside: by the debug sidecar, which shares processes and network.

use e2e::{
    Compose,
    engine::{self, docker, image, run},
};

/// Runs a script in the namespaces of a service's container and returns its output.
fn run_inside(stack: &Compose, service: &str, script: &str) -> String {
    let container = stack.container(service);
    let sharing = [format!("--network=container:{container}"), format!("--pid=container:{container}")];
    let mut command = docker();
    command.args(["run", "--rm", "--cap-drop=ALL"]).args(sharing).arg(image("debug"));
    run(command.args(["bash", "-c", script]))
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_run_unprivileged_read_only_and_in_128_mib() {
    let stack = Compose::production().await;
    for service in ["server", "worker", "nginx"] {
        let status = run_inside(&stack, service, "cat /proc/1/status");
        for line in [
            "Uid:\t10001\t10001\t10001\t10001",
            "Gid:\t10001\t10001\t10001\t10001",
            "CapPrm:\t0000000000000000",
            "CapEff:\t0000000000000000",
            "CapBnd:\t0000000000000000",
            "NoNewPrivs:\t1",
        ] {
            assert!(status.lines().any(|it| it == line), "{service}: expected {line:?} in\n{status}");
        }
        let written = run_inside(&stack, service, "touch /proc/1/root/file 2>&1 || true");
        assert!(written.contains("Read-only file system"), "{service}: {written}");
        let memory =
            "cd /proc/1/root/sys/fs/cgroup; cat memory.max 2>/dev/null || cat memory/memory.limit_in_bytes";
        assert_eq!(run_inside(&stack, service, memory).trim(), (128 * 1024 * 1024).to_string(), "{service}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_debug_sidecar_shares_the_containers_namespaces() {
    let stack = Compose::production().await;
    // The documented command.
    let mut compose = stack.compose();
    compose.args([
        "--file",
        "compose/debug.yaml",
        "run",
        "--rm",
        "--no-deps",
        "--no-TTY",
        "debug",
        "bash",
        "-c",
    ]);
    compose.arg(
        "set -e; ls /proc/1/root/site/pkg; curl -fsS http://127.0.0.1:5000/health/ready; echo; \
         PGPASSWORD=postgres_password psql -h postgres -U postgres -Atc 'select count(*) from indexes'; \
         REDISCLI_AUTH=redis_password redis-cli -h redis --tls --cacert /proc/1/root/ca/ca.pem ping; tr '\\0' '\\n' </proc/1/environ",
    );
    let seen = run(&mut compose);
    for expected in ["fibstack.", "\"success\":true", "\n0\n", "PONG", "PGHOST=postgres"] {
        assert!(seen.contains(expected), "{expected:?} is missing:\n{seen}");
    }
    let worker =
        run_inside(&stack, "worker", "tr '\\0' ' ' </proc/1/cmdline; curl -fsS http://127.0.0.1:9000/health");
    assert!(worker.starts_with("/worker "), "{worker}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_images_contain_no_shell() {
    for part in ["server", "worker"] {
        let shell = engine::output(docker().args(["run", "--rm", "--entrypoint=/bin/sh", &image(part)]));
        let said = String::from_utf8_lossy(&shell.stderr).into_owned();
        assert!(!shell.status.success() && said.contains("no such file or directory"), "{part}: {said}");
    }
}
