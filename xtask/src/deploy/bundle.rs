//! What Elastic Beanstalk is given: a source bundle, made by `.ci/bundle`.

use std::path::PathBuf;

use anyhow::Result;

use super::{Platform, delivery::Delivered};
use crate::{images::Part, job::Job, project};

/// Makes the bundle of a platform, with these images in it, and says where it is.
pub(crate) fn make(platform: Platform, delivered: &Delivered) -> Result<PathBuf> {
    let mut command = std::process::Command::new(project::root().join(".ci/bundle"));
    command.arg(platform.name()).current_dir(project::root());
    for (name, part) in
        [("SERVER_IMAGE", Part::Server), ("WORKER_IMAGE", Part::Worker), ("NGINX_IMAGE", Part::Nginx)]
    {
        command.env(name, delivered.image(part)?);
    }
    Job::new("bundle").run(&mut command)?;
    Ok(project::root().join("target/bundle.zip"))
}
