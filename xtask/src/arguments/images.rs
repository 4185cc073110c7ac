//! `cargo xtask images …`.

use clap::{Arg, ArgMatches, Command as Syntax};

use super::{described, flag, one_of};
use crate::images::{Action, Compiled, Part};

const MORE: &str = "\
Their names are $IMAGE_PREFIX (fibstack/), the part, and $IMAGE_TAG (latest), as the Compose
files have them. BASE_REGISTRY names a mirror of the base images, with a slash at its end.

Without IMAGE_PREFIX, push and login are about ECR, with the credentials of the AWS CLI; with
one that is not ECR's, with DOCKER_ID and DOCKER_PASSWORD, or as docker is logged in already.";

pub(super) fn syntax() -> Syntax {
    described("images", "Build the container images, and put them into a registry", MORE)
        .subcommand_required(true)
        .subcommands([
            Syntax::new("login").about("Log in at the registry").arg(super::deploy::system()),
            Syntax::new("build")
                .about("Build them: all, or the parts that are named")
                .args([parts(), here()]),
            Syntax::new("push").about("Push what was built").args([parts(), super::deploy::system()]),
            Syntax::new("mirror")
                .about("Copy the base images to ECR, for builds without the official registry")
                .args([parts(), super::deploy::system()]),
        ])
}

fn parts() -> Arg {
    Arg::new("part")
        .value_name("PART")
        .num_args(0..)
        .value_parser(one_of(Part::ALL, Part::name))
        .help("Which")
}

pub(super) fn here() -> Arg {
    flag("here", "Compile on this machine (needs musl-tools, brotli), not inside the build")
}

pub(super) fn compiled(matches: &ArgMatches) -> Compiled {
    if matches.get_flag("here") { Compiled::Here } else { Compiled::Inside }
}

pub(super) fn action(matches: &ArgMatches) -> Action {
    let (name, matches) = matches.subcommand().expect("one is required");
    let parts = || matches.get_many("part").into_iter().flatten().copied().collect();
    let system = || super::deploy::system_in(matches);
    match name {
        "login" => Action::Login { system: system() },
        "build" => Action::Build { parts: parts(), compiled: compiled(matches) },
        "push" => Action::Push { parts: parts(), system: system() },
        "mirror" => Action::Mirror { parts: parts(), system: system() },
        other => unreachable!("{other} is not a subcommand"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Action {
        action(&syntax().try_get_matches_from(line.split(' ')).unwrap())
    }

    #[test]
    fn parts_are_named_or_all() {
        let parts = vec![Part::Server, Part::Nginx];
        assert_eq!(
            read("images build server nginx --here"),
            Action::Build { parts: parts.clone(), compiled: Compiled::Here }
        );
        let system = "fibstack".to_owned();
        assert_eq!(read("images push server nginx"), Action::Push { parts, system });
        let system = "other".to_owned();
        assert_eq!(read("images mirror --system other"), Action::Mirror { parts: vec![], system });
        let system = "fibstack".to_owned();
        assert_eq!(read("images login"), Action::Login { system });
    }
}
