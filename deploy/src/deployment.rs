//! `cargo xtask deploy`: from an empty account to a computed value, and back.
//!
//! The templates in `deploy/` describe what exists. [`fargate`] and [`beanstalk`] are the two targets; both use the
//! same data stack.

use anyhow::Result;
use clap::Parser;

use crate::{
    beanstalk, destroy, fargate, logs,
    options::{Action, Options},
    pause, rollback,
    services::selected,
    status,
    system::System,
};

/// Deploy to AWS, roll back, show status and logs, destroy
///
/// Builds and pushes the images, creates or updates the CloudFormation stacks (deploy/), waits until
/// everything is running, and submits an index at the resulting address. Parameters that you don't
/// mention keep their values. deploy/docs/ explains how to start with a new account.
///
/// Images go to ECR, or to $IMAGE_PREFIX; their tag is the commit, or $IMAGE_TAG. SKIP_SMOKE_TEST=true
/// submits no index, for machines from which --allow-from keeps the address closed.
#[derive(Debug, Parser)]
pub(crate) enum Target {
    Beanstalk(beanstalk::Arguments),
    Fargate(fargate::Arguments),
}

impl Target {
    fn options(&self) -> &Options {
        match self {
            Self::Beanstalk(arguments) => &arguments.options,
            Self::Fargate(arguments) => &arguments.options,
        }
    }

    /// Fails if a template would not accept a parameter that the user set.
    fn check(&self) -> Result<()> {
        match self {
            Self::Beanstalk(it) => it.options.check(&beanstalk::TEMPLATES, &it.options.parameters()),
            Self::Fargate(it) => it.options.check(&fargate::templates(), &it.parameters()),
        }
    }
}

/// Runs the action that the options ask for.
pub(crate) fn run(target: &Target) -> Result<()> {
    target.check()?;
    let options = target.options();
    let system = System::open(&options.system)?;
    match (target, options.action()) {
        (Target::Fargate(it), Action::Deploy) if it.pause => pause::pause(&system),
        (Target::Fargate(it), Action::Deploy) if it.resume => pause::resume(&system),
        (Target::Fargate(it), Action::Deploy) if it.force_new_deployment => pause::replace(&system, &it.only),
        (Target::Fargate(arguments), Action::Deploy) => fargate::deploy(&system, arguments),
        (Target::Beanstalk(arguments), Action::Deploy) => beanstalk::deploy(&system, arguments),
        (Target::Fargate(arguments), Action::Rollback) => rollback::fargate(&system, &arguments.only),
        (Target::Beanstalk(_), Action::Rollback) => rollback::beanstalk(&system),
        (Target::Fargate(_), Action::Status) => status::fargate(&system),
        (Target::Beanstalk(_), Action::Status) => status::beanstalk(&system),
        (Target::Fargate(arguments), Action::Logs(amount)) => {
            logs::fargate(&system, &selected(&arguments.only), amount)
        }
        (Target::Beanstalk(_), Action::Logs(amount)) => logs::beanstalk(&system, amount),
        (Target::Fargate(_), Action::Destroy { data, yes }) => destroy::fargate(&system, data, yes),
        (Target::Beanstalk(_), Action::Destroy { data, yes }) => destroy::beanstalk(&system, data, yes),
    }
}

#[cfg(test)]
mod tests {
    use xtask::images::Part;

    use super::*;
    use crate::{beanstalk::Platform, cloudformation::values, options::Amount};

    fn read(line: &str) -> Target {
        Target::try_parse_from(line.split(' ')).unwrap()
    }

    fn error(line: &str) -> String {
        Target::try_parse_from(line.split(' ')).unwrap_err().to_string()
    }

    #[test]
    fn deploy_is_the_default_action() {
        let line = "deploy fargate --here --set WorkerMaxCount=8 --allow-from 192.0.2.7/32 --only worker";
        let Target::Fargate(fargate) = read(line) else { panic!("not fargate") };
        assert_eq!(
            (fargate.options.action(), fargate.only.as_slice()),
            (Action::Deploy, &[Part::Worker][..])
        );
        assert!(fargate.options.here && !fargate.options.pushed);
        let expected = [("AllowFrom", "192.0.2.7/32"), ("System", "fibstack"), ("WorkerMaxCount", "8")];
        assert_eq!(fargate.parameters(), values(&expected));

        let line = "deploy beanstalk --platform ecs --pushed --load-balanced --system two";
        let Target::Beanstalk(beanstalk) = read(line) else { panic!("not beanstalk") };
        assert_eq!((beanstalk.options.pushed, beanstalk.platform), (true, Platform::Ecs));
        assert_eq!(beanstalk.options.system.system, "two");
    }

    #[test]
    fn an_action_excludes_the_others() {
        let action = |line: &str| read(line).options().action();
        assert_eq!(action("deploy fargate --rollback"), Action::Rollback);
        assert_eq!(action("deploy beanstalk --logs"), Action::Logs(Amount::Last));
        assert_eq!(action("deploy beanstalk --logs all"), Action::Logs(Amount::All));
        let destroy = action("deploy fargate --destroy --delete-data --yes");
        assert_eq!(destroy, Action::Destroy { data: true, yes: true });
        let Target::Fargate(fargate) = read("deploy fargate --pause") else { panic!("not fargate") };
        assert!(fargate.pause);
        assert!(error("deploy fargate --rollback --status").contains("cannot be used with"));
        assert!(error("deploy fargate --pause --status").contains("cannot be used with"));
        assert!(error("deploy fargate --pause --resume").contains("cannot be used with"));
        assert!(error("deploy fargate --delete-data").contains("--destroy"));
        assert!(error("deploy beanstalk --pause").contains("--pause"));
    }

    #[test]
    fn a_wrong_parameter_is_refused_before_anything_is_done() {
        assert!(error("deploy fargate --set Count").contains("NAME=VALUE"));
        let check = |line: &str| read(line).check();
        assert!(check("deploy fargate --set WorkerMaxCount=8 --set BackupDays=1 --set KeepImages=9").is_ok());
        for (line, expected) in [
            ("fargate --set WorkerMaximum=8", "no parameter WorkerMaximum. Parameters: "),
            ("fargate --set InstanceType=t4g.micro", "no parameter InstanceType"),
            ("beanstalk --set Cpu=512", "no parameter Cpu"),
            ("fargate --set KeepImages=9 --pushed", "no parameter KeepImages"),
            ("fargate --set Cpu=300", "must be one of 256"),
            ("fargate --domain Example.org", "must be a lowercase domain"),
            ("beanstalk --allow-from /32", "must be an IPv4 network"),
        ] {
            let text = check(&format!("deploy {line}")).unwrap_err().to_string();
            assert!(text.contains(expected), "{line}: {text}");
        }
        assert!(error("deploy fargate --status --set Cpu=512").contains("cannot be used with"));
        assert!(error("deploy fargate --allow-from 192.0.2.7/32 --pause").contains("cannot be used with"));
    }
}
