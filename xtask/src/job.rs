//! A program that runs to completion while its progress is displayed.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io::Write,
    process::Command,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{
    child::{self, Interrupted},
    output,
    progress::Step,
    project,
};

/// Number of lines of a failed program's output that are shown.
const SHOWN: usize = 40;

/// A program that runs to completion. Its output goes to a log file; the last lines are shown if it fails.
#[derive(Debug)]
pub struct Job<'a> {
    name: &'a str,
    limit: Option<Duration>,
}

impl<'a> Job<'a> {
    /// Prepares a run of `command`. `name` is displayed and names the log file.
    #[must_use]
    pub fn new(name: &'a str) -> Self {
        Self { name, limit: None }
    }

    /// Sets a time limit, after which the job fails.
    pub(crate) fn within(self, limit: Duration) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// Runs the program.
    ///
    /// # Errors
    /// It did not start, failed, or was interrupted.
    pub fn run(self, command: &mut Command) -> Result<()> {
        let folder = project::tools().join("logs");
        fs::create_dir_all(&folder).with_context(|| format!("failed to create {}", folder.display()))?;
        let path = folder.join(format!("{}.log", self.name.replace([' ', '/'], "-")));
        let mut log = File::create(&path).with_context(|| format!("failed to write {}", path.display()))?;

        let step = Step::begin(self.name);
        // Cargo draws a progress bar into a pipe only if asked to.
        command.env("CARGO_TERM_PROGRESS_WHEN", "always").env("CARGO_TERM_PROGRESS_WIDTH", "100");
        command.env("CARGO_TERM_COLOR", "never");
        let mut last = VecDeque::new();
        let status = output::follow(self.name, command, self.limit, |line| {
            step.update(line);
            if line.trim().is_empty() || line.trim_start().starts_with("Building [") {
                return;
            }
            let _ = writeln!(log, "{line}");
            last.push_back(line.to_owned());
            if last.len() > SHOWN {
                last.pop_front();
            }
        })?;
        if !status.success() {
            let last = Vec::from(last).join("\n    ");
            bail!("{} failed ({status}); {} ends with:\n    {last}", self.name, path.display());
        }
        Ok(())
    }
}

/// Runs two steps at the same time. If one fails, stops the other and returns the error of the first.
pub(crate) fn both<T>(
    one: impl FnOnce() -> Result<()> + Send,
    other: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let (one, other) = thread::scope(|scope| {
        let one = scope.spawn(|| one().inspect_err(|_| child::stop_all()));
        let other = other().inspect_err(|_| child::stop_all());
        (one.join().unwrap_or_else(|_| bail!("a step panicked")), other)
    });
    match (one, other) {
        (Ok(()), other) => other,
        (Err(stopped), Err(cause)) if stopped.is::<Interrupted>() => Err(cause),
        (Err(cause), _) => Err(cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_shows_the_end_of_the_output() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo first; echo second >&2; exit 3"]);
        let error = Job::new("test-failing-job").run(&mut command).unwrap_err().to_string();
        assert!(error.contains("exit status: 3"), "{error}");
        assert!(error.ends_with("first\n    second"), "{error}");
    }
}
