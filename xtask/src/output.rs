//! The output of programs, line by line while they run.

use std::{
    io::{PipeReader, Read, pipe},
    process::{Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use anyhow::Result;

use crate::child::Child;

/// Runs a program with empty input until it exits or, after `limit`, is stopped. Passes each line of its output to
/// `take`.
pub(crate) fn follow(
    name: &str,
    command: &mut Command,
    limit: Option<Duration>,
    take: impl FnMut(&str) + Send,
) -> Result<ExitStatus> {
    let (reader, writer) = pipe()?;
    command.stdout(writer.try_clone()?).stderr(writer);
    let mut child = Child::start(name, command)?;
    // Drop the writers in `command`, which would keep the pipe open.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    thread::scope(|scope| {
        scope.spawn(|| for_each_line(reader, take));
        let status = child.wait(limit);
        // Stops its children, too, which may hold the pipe open.
        child.stop();
        status
    })
}

/// Calls `take` with each line. A line ends with a line feed, or with a carriage return where a program overwrites
/// its own line.
fn for_each_line(mut from: PipeReader, mut take: impl FnMut(&str)) {
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
    use std::io::Write;

    use super::*;

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
