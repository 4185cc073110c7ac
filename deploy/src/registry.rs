//! Container registries: logging in, pushing, digests, and a mirror of the base images.

use std::{fs, io::Write, process::Stdio};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;

use xtask::{
    engine::{self, docker},
    images::{Names, Part},
    job::Job,
    progress::say,
    project::{self, variable},
};

use crate::aws;

/// Returns the host in an image's name, as docker parses it: Docker Hub's names have none.
fn host(name: &str) -> Option<&str> {
    let (first, _) = name.split_once('/')?;
    (first.contains(['.', ':']) || first == "localhost").then_some(first)
}

fn is_ecr(host: &str) -> bool {
    host.contains(".dkr.ecr.")
}

/// Logs in to the registry of images with this prefix: at ECR with the credentials of AWS, elsewhere with `DOCKER_ID`
/// and `DOCKER_PASSWORD`. Without those, docker uses a login of its own.
pub(crate) fn login(prefix: &str) -> Result<()> {
    let host = host(prefix);
    let (user, password) = match host {
        Some(host) if is_ecr(host) => ("AWS".to_owned(), aws::call(["ecr", "get-login-password"])?),
        _ => match (variable("DOCKER_ID"), variable("DOCKER_PASSWORD")) {
            (Some(user), Some(password)) => (user, password),
            _ => return Ok(()),
        },
    };
    // Through the standard input, because every user of the machine can see arguments.
    let mut command = docker();
    command.args(["login", "--username", &user, "--password-stdin"]).args(host);
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("failed to run docker")?;
    if let Some(mut input) = process.stdin.take() {
        input.write_all(password.as_bytes()).context("failed to pass the password to docker")?;
    }
    let output = process.wait_with_output()?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        bail!("{} rejected {user}: {message}", host.unwrap_or("Docker Hub"));
    }
    say(format!("logged in to {} as {user}", host.unwrap_or("Docker Hub")));
    Ok(())
}

/// Gives images an additional name.
pub(crate) fn tag(parts: &[Part], from: &Names, to: &Names) -> Result<()> {
    for part in parts.iter().filter(|_| from != to) {
        Job::new("tag").run(docker().args(["tag", &from.image(*part), &to.image(*part)]))?;
    }
    Ok(())
}

/// Pushes images that were built under these names.
pub(crate) fn push(parts: &[Part], names: &Names) -> Result<()> {
    engine::check()?;
    login(&names.prefix)?;
    for part in parts {
        let image = names.image(*part);
        Job::new(&format!("push {part}")).run(docker().args(["push", &image]))?;
        say(format!("pushed {image}"));
    }
    Ok(())
}

/// Returns the name of an image by its digest in the registry, which never refers to another image.
pub(crate) fn digest(part: Part, names: &Names) -> Result<String> {
    let image = names.image(part);
    let repository = format!("{}{part}", names.prefix);
    // Not with --format, which some versions of buildx do not support.
    let shown = match engine::answer(&["buildx", "imagetools", "inspect", &image]) {
        Ok(shown) => shown,
        Err(message) if message.contains("is not a docker command") => {
            bail!("this needs docker's plugin buildx (Debian, Ubuntu: docker-buildx or docker-buildx-plugin)")
        }
        Err(message) => bail!(
            "failed to find {image} in the registry: {message}\nPush it with cargo xtask images push, or log in with \
             cargo xtask images login"
        ),
    };
    let digest =
        digest_in(&shown).with_context(|| format!("the registry has no digest of {image}: {shown}"))?;
    Ok(format!("{repository}@{digest}"))
}

/// Returns the first digest: that of the image, or of the list of images for several platforms.
fn digest_in(shown: &str) -> Option<&str> {
    let digest = shown.lines().find_map(|line| line.strip_prefix("Digest:"))?.trim();
    digest.starts_with("sha256:").then_some(digest)
}

/// Returns the architectures for which an image in the registry exists, by Docker's names; empty if the registry does
/// not report them.
pub(crate) fn architectures(image: &str) -> Vec<String> {
    let inspect = |format: &[&str]| {
        engine::answer(&[&["buildx", "imagetools", "inspect"], format, &[image]].concat()).unwrap_or_default()
    };
    match architectures_in(&inspect(&["--raw"])) {
        found if found.is_empty() => architectures_in(&inspect(&["--format", "{{json .Image}}"])),
        found => found,
    }
}

/// Reads the list of images for several platforms, or the configuration of a single image.
fn architectures_in(shown: &str) -> Vec<String> {
    let shown: Value = serde_json::from_str(shown).unwrap_or_default();
    let platforms = shown["manifests"].as_array().into_iter().flatten().map(|manifest| &manifest["platform"]);
    // Provenance has the platform unknown/unknown.
    let linux = platforms.chain([&shown]).filter(|platform| platform["os"] == "linux");
    linux.filter_map(|platform| platform["architecture"].as_str()).map(str::to_owned).collect()
}

/// Returns the architecture of an image on this machine.
pub(crate) fn local_architecture(image: &str) -> Result<String> {
    engine::answer(&["image", "inspect", "--format", "{{.Architecture}}", image])
        .map_err(|message| anyhow!("failed to inspect {image}: {message}"))
}

/// Copies the base images of some parts to the prefix `to`, the value of `BASE_REGISTRY` for later builds.
pub(crate) fn mirror(parts: &[Part], to: &str) -> Result<()> {
    engine::check()?;
    login(to)?;
    let dockerfile = project::root().join("Dockerfile");
    let dockerfile = fs::read_to_string(&dockerfile)
        .with_context(|| format!("failed to read {}", dockerfile.display()))?;
    for image in base_images(&dockerfile, parts) {
        // From registry to registry, which keeps the digest and the images for other platforms.
        let copy = ["buildx", "imagetools", "create", "--tag", &format!("{to}{image}"), &image];
        Job::new(&format!("copy {image}")).run(docker().args(copy))?;
        say(format!("mirrored {image}"));
    }
    say(format!("to build from these copies, set BASE_REGISTRY={to}"));
    Ok(())
}

/// Returns the base images of the stages of these parts, each once.
fn base_images(dockerfile: &str, parts: &[Part]) -> Vec<String> {
    let mut images = Vec::new();
    for line in dockerfile.lines() {
        let Some(from) = line.strip_prefix("FROM ${BASE_REGISTRY}") else { continue };
        let Some((image, stage)) = from.split_once(" AS ") else { continue };
        // The digest, if any, is an argument: rust:1-trixie${RUST_DIGEST}
        let image = image.split("${").next().unwrap_or_default();
        let for_programs = matches!(stage, "toolchain" | "certificates");
        let wanted = |part: &Part| stage == part.name() || (for_programs && part.has_our_programs());
        if parts.iter().any(wanted) && !images.iter().any(|it| it == image) {
            images.push(image.to_owned());
        }
    }
    images
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_recognised_as_docker_does() {
        assert_eq!(host("fibstack/"), None);
        assert_eq!(host("me/fibstack-"), None);
        assert_eq!(host("registry.example.org/team/"), Some("registry.example.org"));
        assert_eq!(host("localhost/x/"), Some("localhost"));
        assert_eq!(host("127.0.0.1:5000/fibstack/"), Some("127.0.0.1:5000"));
        assert!(is_ecr("123456789012.dkr.ecr.eu-central-1.amazonaws.com"));
        assert!(!is_ecr("registry.example.org"));
    }

    #[test]
    fn the_first_digest_is_that_of_the_whole_image() {
        let shown = "Name:      me/server:latest\nMediaType: application/vnd.oci.image.index.v1+json\n\
                     Digest:    sha256:aa\n\nManifests:\n  Name: me/server:latest@sha256:bb\n  Digest: sha256:cc\n";
        assert_eq!(digest_in(shown), Some("sha256:aa"));
        assert_eq!(digest_in(""), None);
    }

    #[test]
    fn the_architectures_of_an_image_are_those_of_linux() {
        let list = r#"{"manifests": [
            {"digest": "sha256:aa", "platform": {"architecture": "amd64", "os": "linux"}},
            {"digest": "sha256:bb", "platform": {"architecture": "arm64", "os": "linux", "variant": "v8"}},
            {"digest": "sha256:cc", "platform": {"architecture": "unknown", "os": "unknown"}}]}"#;
        assert_eq!(architectures_in(list), ["amd64", "arm64"]);
        assert_eq!(architectures_in(r#"{"architecture": "arm64", "os": "linux", "config": {}}"#), ["arm64"]);
        // A manifest of a single image, which does not name its platform.
        assert!(architectures_in(r#"{"schemaVersion": 2, "layers": []}"#).is_empty());
        assert!(architectures_in("").is_empty());
    }

    #[test]
    fn base_images_are_those_of_the_dockerfile() {
        let dockerfile = fs::read_to_string(project::root().join("Dockerfile")).unwrap();
        let of = |parts: &[Part]| {
            base_images(&dockerfile, parts)
                .iter()
                .map(|image| {
                    assert!(!image.contains('$'), "{image}");
                    image.split(':').next().unwrap_or_default().to_owned()
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(of(&Part::ALL), ["rust", "debian", "nginx"]);
        assert_eq!(of(&[Part::Nginx]), ["nginx"]);
        assert_eq!(of(&[Part::Worker]), ["rust", "debian"]);
    }
}
