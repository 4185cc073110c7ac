//! A program that runs to completion while its progress is displayed.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io::{PipeReader, Read, Write, pipe},
    process::Command,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{
    child::{self, Child, Interrupted},
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
    /// `name` is displayed, and is the name of the log file.
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
        let (reader, writer) = pipe()?;
        // Cargo draws a progress bar into a pipe only if asked to.
        command.env("CARGO_TERM_PROGRESS_WHEN", "always").env("CARGO_TERM_PROGRESS_WIDTH", "100");
        command.env("CARGO_TERM_COLOR", "never");
        command.stdout(writer.try_clone()?).stderr(writer);
        let mut child = Child::start(self.name, command)?;
        // The writers in `command` would keep the pipe open.
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());

        let (status, last) = thread::scope(|scope| {
            let lines = scope.spawn(|| {
                let mut last = VecDeque::new();
                for_each_line(reader, |line| {
                    step.update(line);
                    if line.trim().is_empty() || line.trim_start().starts_with("Building [") {
                        return;
                    }
                    let _ = writeln!(log, "{line}");
                    last.push_back(line.to_owned());
                    if last.len() > SHOWN {
                        last.pop_front();
                    }
                });
                last
            });
            let status = child.wait(self.limit);
            // Also stops its children, which may hold the pipe open.
            child.stop();
            (status, lines.join().unwrap_or_default())
        });
        let status = status?;
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

/// Calls `take` with each line. A line ends with a line feed, or with a carriage return where a program overwrites
/// its own line.
pub(crate) fn for_each_line(mut from: PipeReader, mut take: impl FnMut(&str)) {
    let mut buffer = [0; 8192];
    let mut line = Vec::new();
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        for &byte in &buffer[..length] {
            if byte == b'\n' || byte == b'\r' {
                take(&String::from_utf8_lossy(&line));
                line.clear();
            } else {
                line.push(byte);
            }
        }
    }
    if !line.is_empty() {
        take(&String::from_utf8_lossy(&line));
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

    #[test]
    fn a_progress_bar_draws_over_its_line() {
        let (reader, mut writer) = pipe().unwrap();
        writer.write_all(b"one\rtwo\nthree").unwrap();
        drop(writer);
        let mut lines = Vec::new();
        for_each_line(reader, |line| lines.push(line.to_owned()));
        assert_eq!(lines, ["one", "two", "three"]);
    }
}
