//! Child processes, none of which outlive this program.

use std::{
    fmt,
    os::unix::process::CommandExt,
    process::{Child as Process, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

/// Time a program has to exit after SIGTERM.
const GRACE: Duration = Duration::from_secs(15);
/// Polling interval, because the standard library has no wait with a deadline.
const POLL: Duration = Duration::from_millis(50);

/// Set by Ctrl-C and other signals, and when one of two concurrent steps fails.
static STOP: AtomicBool = AtomicBool::new(false);
/// Set by the second Ctrl-C.
static HURRY: AtomicBool = AtomicBool::new(false);

/// Makes Ctrl-C, SIGTERM and SIGHUP end every wait in this module, which stops the running programs. After a second
/// signal, they are killed without delay.
///
/// # Errors
/// The handlers cannot be installed.
pub fn listen_to_signals() -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("failed to listen to signals")?;
    thread::spawn(move || {
        for _ in signals.forever() {
            if STOP.swap(true, Ordering::Relaxed) {
                HURRY.store(true, Ordering::Relaxed);
            }
        }
    });
    Ok(())
}

/// Stops everything, as Ctrl-C does.
pub(crate) fn stop_all() {
    STOP.store(true, Ordering::Relaxed);
}

/// Returns true if everything is being stopped.
#[must_use]
pub fn is_stopping() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// The command was stopped on request.
#[derive(Debug)]
pub struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stopped")
    }
}

impl std::error::Error for Interrupted {}

/// A running program. When this is dropped, it is stopped together with its children.
#[derive(Debug)]
pub(crate) struct Child {
    name: String,
    process: Process,
}

impl Child {
    /// Starts a program with empty input, in its own process group, so that its children can be stopped with it and
    /// Ctrl-C reaches it only through this program, once and gracefully.
    pub(crate) fn start(name: &str, command: &mut Command) -> Result<Self> {
        Self::start_with_input(name, command, Stdio::null())
    }

    fn start_with_input(name: &str, command: &mut Command, input: impl Into<Stdio>) -> Result<Self> {
        let process = command.stdin(input).process_group(0).spawn().with_context(|| {
            format!("{name}: {} failed to start", command.get_program().to_string_lossy())
        })?;
        Ok(Self { name: name.to_owned(), process })
    }

    /// Returns the exit status if the program has exited.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.process.try_wait().with_context(|| format!("failed to wait for {}", self.name))
    }

    /// Waits until the program exits; fails after `limit`.
    pub(crate) fn wait(&mut self, limit: Option<Duration>) -> Result<ExitStatus> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            if is_stopping() {
                bail!(Interrupted);
            }
            if let Some(limit) = limit.filter(|limit| start.elapsed() >= *limit) {
                bail!("{} did not exit within {} s", self.name, limit.as_secs());
            }
            thread::sleep(POLL);
        }
    }

    /// Sends SIGTERM to the process group, and SIGKILL after [`GRACE`] or another Ctrl-C.
    pub(crate) fn stop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            self.signal(Signal::TERM);
            let asked = Instant::now();
            while asked.elapsed() < GRACE
                && !HURRY.load(Ordering::Relaxed)
                && matches!(self.process.try_wait(), Ok(None))
            {
                thread::sleep(POLL);
            }
        }
        // Even if the program has exited, its children may still run. The group's id cannot be reused while it has
        // members, and the kill fails if it has none.
        self.signal(Signal::KILL);
        let _ = self.process.wait();
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Runs a program with empty input until it exits; fails if it fails.
pub(crate) fn run(name: &str, command: &mut Command) -> Result<()> {
    run_with_input(name, command, Stdio::null())
}

/// Runs a program with this input until it exits; fails if it fails.
pub(crate) fn run_with_input(name: &str, command: &mut Command, input: impl Into<Stdio>) -> Result<()> {
    let status = Child::start_with_input(name, command, input)?.wait(None)?;
    if status.success() { Ok(()) } else { bail!("{name} failed ({status}); see its messages above") }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_program_is_stopped_after_its_time_limit() {
        let start = Instant::now();
        let mut child = Child::start("sleep", Command::new("sleep").arg("600")).unwrap();
        let error = child.wait(Some(Duration::from_millis(10))).unwrap_err();
        assert_eq!(error.to_string(), "sleep did not exit within 0 s");
        drop(child);
        assert!(start.elapsed() < GRACE);
    }

    #[test]
    fn the_children_of_a_program_are_stopped_with_it() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "(sleep 60; echo still here) & wait"]).stdout(writer);
        let mut child = Child::start("sh", &mut command).unwrap();
        // Closes our own writer.
        drop(command);
        child.stop();
        let mut written = String::new();
        reader.read_to_string(&mut written).unwrap();
        assert_eq!(written, "");
    }
}
