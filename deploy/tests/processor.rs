//! Mistakes that would show only after minutes on AWS are reported before a deployment creates anything.

use std::env::consts::ARCH;

use crate::cloud::Cloud;

#[test]
fn images_for_another_processor_are_refused_before_anything_is_created() {
    let cloud = Cloud::start("paid");
    cloud.xtask("", "images push server worker nginx");
    let [tasks, instance] = match ARCH {
        "aarch64" => ["Architecture=X86_64", "InstanceType=t3.micro"],
        _ => ["Architecture=ARM64", "InstanceType=t4g.micro"],
    };
    for (target, parameter) in [("fargate", tasks), ("beanstalk", instance)] {
        let (output, text) =
            cloud.xtask_try("latest", &format!("deploy {target} --pushed --set {parameter}"));
        assert!(!output.status.success());
        assert!(text.contains(&format!("but {parameter} needs ")), "{text}");
        assert_eq!(cloud.stacks(), ["fibstack-ecr"]);
    }
}
