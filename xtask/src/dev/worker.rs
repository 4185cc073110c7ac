//! The worker, rebuilt and restarted when what it is made of is edited.

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

/// What the worker is made of.
const PACKAGES: [&str; 5] = ["fib", "protocol", "startup", "store", "worker"];

/// The running worker, if what is being edited compiles.
#[derive(Debug, Default)]
pub(super) struct Worker {
    running: Option<Child>,
    /// What it was last built from, successfully or not.
    built_from: Option<Sources>,
}

impl Worker {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Builds and starts it if its sources were edited since.
    pub(super) fn keep_current(&mut self, describe: impl Fn(&mut Command)) {
        // A mistake in what is being edited: the next edit may correct it.
        if let Err(error) = self.follow(describe)
            && !error.is::<Interrupted>()
        {
            say(format!("{error:#}"));
        }
    }

    fn follow(&mut self, describe: impl Fn(&mut Command)) -> Result<()> {
        let folders = PACKAGES.map(|package| project::root().join(package));
        let sources = Sources::of(&folders);
        if self.built_from.as_ref() == Some(&sources) {
            return self.report_end();
        }
        self.built_from = Some(sources);
        say("building the worker");
        // Together with the server, as whose dependency it is compiled anyway: the same features, so
        // that neither build makes the other's work old.
        Job::new("worker").run(project::cargo().args([
            "build",
            "--package=server",
            "--package=worker",
            "--bin=worker",
            "--no-default-features",
        ]))?;
        self.stop();
        let program = project::target().join(Profile::Dev.folder()).join("worker");
        self.running = Some(start(&program, describe)?);
        say("worker started");
        Ok(())
    }

    fn report_end(&mut self) -> Result<()> {
        if let Some(worker) = &mut self.running
            && let Some(status) = worker.ended()?
        {
            self.running = None;
            say(format!("the worker ended ({status}); an edit starts it again"));
        }
        Ok(())
    }

    pub(super) fn stop(&mut self) {
        self.running = None;
    }
}

fn start(program: &Path, describe: impl Fn(&mut Command)) -> Result<Child> {
    let mut command = Command::new(program);
    describe(&mut command);
    Child::start("worker", command.current_dir(project::root()))
}
