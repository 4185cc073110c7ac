//! A program that runs to its end while the person is told how far it is.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io::{PipeReader, Read, Write, pipe},
    process::Command,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{child::Child, progress::Step, project};

/// How many lines of a failed program's output are shown.
const SHOWN: usize = 40;

/// A program that runs to its end. Its output goes to a log file; its last lines are shown if it fails.
#[derive(Debug)]
pub struct Job<'a> {
    name: &'a str,
    limit: Option<Duration>,
}

impl<'a> Job<'a> {
    /// `name` is for the person, and names the log file.
    #[must_use]
    pub fn new(name: &'a str) -> Self {
        Self { name, limit: None }
    }

    /// Fails if it has not ended by then.
    pub(crate) fn within(self, limit: Duration) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// Runs it; an end with an error is an error.
    ///
    /// # Errors
    /// It did not start, failed, or was interrupted.
    pub fn run(self, command: &mut Command) -> Result<()> {
        let folder = project::tools().join("logs");
        fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
        let path = folder.join(format!("{}.log", self.name.replace([' ', '/'], "-")));
        let mut log = File::create(&path).with_context(|| format!("write {}", path.display()))?;

        let step = Step::begin(self.name);
        let (reader, writer) = pipe()?;
        // Cargo draws its progress bar, which says how far it is, only when told so.
        command.env("CARGO_TERM_PROGRESS_WHEN", "always").env("CARGO_TERM_PROGRESS_WIDTH", "100");
        command.env("CARGO_TERM_COLOR", "never");
        command.stdout(writer.try_clone()?).stderr(writer);
        let mut child = Child::start(self.name, command)?;
        // The writing ends in `command` would keep the pipe open.
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());

        let (status, last) = thread::scope(|scope| {
            let lines = scope.spawn(|| {
                let mut last = VecDeque::new();
                for_each_line(reader, |line| {
                    step.read(line);
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
            // Ends its children too, who may hold the pipe open.
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

/// Lines end with a line feed, or with a carriage return where a program draws over its own line.
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
