//! The processors that run the images. A mismatch shows only half an hour later, when the containers start:
//! `exec format error`, or `no matching manifest`.

use anyhow::{Result, bail};

/// The processor of a part's tasks or instances.
#[derive(Clone, Debug)]
pub(crate) struct Processor {
    /// Docker's name of its architecture.
    architecture: &'static str,
    /// The parameter that sets it, with its value.
    parameter: String,
    /// A value of that parameter for the other architecture.
    other: &'static str,
}

impl Processor {
    /// The processor of tasks on Fargate, by the parameter `Architecture`.
    pub(crate) fn of_tasks(value: &str) -> Self {
        let (architecture, other) =
            if value == "ARM64" { ("arm64", "Architecture=X86_64") } else { ("amd64", "Architecture=ARM64") };
        Self { architecture, parameter: format!("Architecture={value}"), other }
    }

    /// The processor of an EC2 instance, by the parameter `InstanceType`.
    pub(crate) fn of_instance(kind: &str) -> Self {
        let (architecture, other) = if is_arm(kind) {
            ("arm64", "InstanceType=t3.micro")
        } else {
            ("amd64", "InstanceType=t4g.micro")
        };
        Self { architecture, parameter: format!("InstanceType={kind}"), other }
    }

    /// Returns the parameter of tasks that need the same images.
    pub(crate) fn parameter_of_tasks(&self) -> (String, String) {
        let value = if self.architecture == "arm64" { "ARM64" } else { "X86_64" };
        ("Architecture".to_owned(), value.to_owned())
    }

    /// Fails if an image does not exist for this processor. Accepts an image of unknown architecture.
    pub(crate) fn check(&self, image: &str, architectures: &[String]) -> Result<()> {
        let Self { architecture, parameter, other } = self;
        if architectures.is_empty() || architectures.iter().any(|it| it == architecture) {
            return Ok(());
        }
        bail!(
            "{image} is for {}, but {parameter} needs {architecture}. Nothing was deployed. Either choose other \
             processors with --set {other}, or build for {architecture}, which is slow on another processor: \
             PLATFORM=linux/{architecture} cargo xtask deploy …, or docker buildx bake --set '*.platform=linux/{architecture}'",
            architectures.join(", ")
        )
    }
}

/// Instance types name Graviton processors by a `g` after the generation: `t4g`, `m7gd`, `c7gn`, but not `g4dn`. The
/// first generation was `a1`.
fn is_arm(kind: &str) -> bool {
    let family = kind.split('.').next().unwrap_or_default();
    let attributes = family.trim_start_matches(|it: char| it.is_ascii_alphabetic());
    family == "a1" || attributes.contains('g')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_architecture_follows_from_the_instance_type() {
        for arm in [
            "t4g.micro",
            "m7gd.large",
            "c7gn.xlarge",
            "im4gn.large",
            "is4gen.large",
            "g5g.xlarge",
            "a1.medium",
        ] {
            assert!(is_arm(arm), "{arm}");
        }
        for x86 in
            ["t3.micro", "t3a.micro", "g4dn.xlarge", "g5.xlarge", "gr6.4xlarge", "m7i.large", "c5ad.large"]
        {
            assert!(!is_arm(x86), "{x86}");
        }
    }

    #[test]
    fn tasks_beside_instances_have_the_same_processor() {
        for (kind, value) in [("t4g.micro", "ARM64"), ("t3.micro", "X86_64")] {
            assert_eq!(Processor::of_instance(kind).parameter_of_tasks().1, value);
        }
    }

    #[test]
    fn an_image_for_another_processor_is_refused_with_both_remedies() {
        let architectures = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let (x86, arm) = (Processor::of_tasks("X86_64"), Processor::of_instance("t4g.micro"));
        for right in [&["amd64"][..], &["amd64", "arm64"], &[]] {
            assert!(x86.check("server", &architectures(right)).is_ok(), "{right:?}");
        }
        let error = x86.check("server", &architectures(&["arm64"])).unwrap_err().to_string();
        for part in ["server is for arm64", "--set Architecture=ARM64", "PLATFORM=linux/amd64"] {
            assert!(error.contains(part), "{part} is missing: {error}");
        }
        let error = arm.check("server", &architectures(&["amd64"])).unwrap_err().to_string();
        assert!(
            error.contains("InstanceType=t4g.micro needs arm64") && error.contains("t3.micro"),
            "{error}"
        );
    }
}
