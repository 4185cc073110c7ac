//! The source bundle for Elastic Beanstalk, which the script `deploy/beanstalk/bundle` makes.

use std::{
    path::PathBuf,
    process::{self, Command},
};

use anyhow::Result;
use xtask::{images::Part, job::Job, project};

use crate::images::Pushed;

/// Makes the bundle of a platform (`docker` or `ecs`) with these images, and returns its path. The ECS platform needs
/// the role with which the ECS agent fetches secrets.
pub(crate) fn make(platform: &str, images: &Pushed, execution_role: Option<&str>) -> Result<PathBuf> {
    // Not as a program: some file systems, such as those of Windows, have no permission to execute.
    let mut command = Command::new("bash");
    command.arg("deploy/beanstalk/bundle");
    // The process id keeps concurrent deployments of two systems apart.
    let file = PathBuf::from(format!("target/bundle-{}.zip", process::id()));
    command.arg(platform).arg(&file).current_dir(project::root());
    command.envs(execution_role.map(|role| ("EXECUTION_ROLE", role)));
    for (name, part) in
        [("SERVER_IMAGE", Part::Server), ("WORKER_IMAGE", Part::Worker), ("NGINX_IMAGE", Part::Nginx)]
    {
        command.env(name, images.image(part)?);
    }
    Job::new("bundle").run(&mut command)?;
    Ok(project::root().join(file))
}
