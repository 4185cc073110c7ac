//! What Elastic Beanstalk is given: a source bundle, made by `.ci/bundle`.

use std::{path::PathBuf, process};

use anyhow::Result;

use super::{Platform, delivery::Delivered};
use crate::{images::Part, job::Job, project};

/// Makes the bundle of a platform, with these images in it, and says where it is.
pub(crate) fn make(platform: Platform, delivered: &Delivered) -> Result<PathBuf> {
    let mut command = std::process::Command::new(project::root().join(".ci/bundle"));
    // Of one's own: two systems may be deployed at once.
    let file = PathBuf::from(format!("target/bundle-{}.zip", process::id()));
    command.arg(platform.name()).arg(&file).current_dir(project::root());
    for (name, part) in
        [("SERVER_IMAGE", Part::Server), ("WORKER_IMAGE", Part::Worker), ("NGINX_IMAGE", Part::Nginx)]
    {
        command.env(name, delivered.image(part)?);
    }
    Job::new("bundle").run(&mut command)?;
    Ok(project::root().join(file))
}
