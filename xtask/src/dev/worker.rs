//! The worker, rebuilt and restarted when its sources are edited.

use std::{path::Path, process::Command};

use anyhow::Result;

use super::sources::Sources;
use crate::{
    child::{Child, Interrupted},
    job::Job,
    progress::say,
    project,
    site::Profile,
};

/// Packages that the worker is compiled from.
const PACKAGES: [&str; 5] = ["fib", "protocol", "startup", "store", "worker"];

/// A worker that follows edits.
#[derive(Debug, Default)]
pub(super) struct Worker {
    /// The process; absent until the sources compile, and after it has exited.
    running: Option<Child>,
    /// The sources at the time of the last build, successful or not.
    built_from: Option<Sources>,
}

impl Worker {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Rebuilds and restarts the worker if its sources were edited since the last build.
    pub(super) fn keep_current(&mut self, configure: impl Fn(&mut Command)) {
        // Probably a compile error, which the next edit may correct.
        if let Err(error) = self.follow(configure)
            && !error.is::<Interrupted>()
        {
            say(format!("{error:#}"));
        }
    }

    fn follow(&mut self, configure: impl Fn(&mut Command)) -> Result<()> {
        let folders = PACKAGES.map(|package| project::root().join(package));
        let sources = Sources::of(&folders);
        if self.built_from.as_ref() == Some(&sources) {
            return self.report_end();
        }
        self.built_from = Some(sources);
        say("building the worker");
        // Together with the server, which depends on it: with the same features, neither build invalidates the
        // other's.
        Job::new("worker").run(project::cargo().args([
            "build",
            "--package=server",
            "--package=worker",
            "--bin=worker",
            "--no-default-features",
        ]))?;
        self.stop();
        let program = project::target().join(Profile::Dev.folder()).join("worker");
        self.running = Some(start(&program, configure)?);
        say("worker started");
        Ok(())
    }

    fn report_end(&mut self) -> Result<()> {
        if let Some(worker) = &mut self.running
            && let Some(status) = worker.ended()?
        {
            self.running = None;
            say(format!("the worker exited ({status}); the next edit restarts it"));
        }
        Ok(())
    }

    pub(super) fn stop(&mut self) {
        self.running = None;
    }
}

fn start(program: &Path, configure: impl Fn(&mut Command)) -> Result<Child> {
    let mut command = Command::new(program);
    configure(&mut command);
    Child::start("worker", command.current_dir(project::root()))
}
