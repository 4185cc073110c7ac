//! Programs that this one starts: none of them outlives it.

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

/// How long a program may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(15);
/// The standard library has no wait with a deadline.
const POLL: Duration = Duration::from_millis(50);

/// Set by Ctrl-C and its like, and when one of several concurrent steps failed.
static STOP: AtomicBool = AtomicBool::new(false);
/// Set by the second Ctrl-C.
static HURRY: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C, SIGTERM and SIGHUP make every wait in this module end early, which stops what
/// runs. After a second one nothing gets time to end by itself any more.
///
/// # Errors
/// The handlers cannot be installed.
pub fn listen_to_signals() -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("listen to signals")?;
    thread::spawn(move || {
        for _ in signals.forever() {
            if STOP.swap(true, Ordering::Relaxed) {
                HURRY.store(true, Ordering::Relaxed);
            }
        }
    });
    Ok(())
}

/// Asks everything to stop, as Ctrl-C does.
pub(crate) fn stop_all() {
    STOP.store(true, Ordering::Relaxed);
}

/// Whether everything was asked to stop.
#[must_use]
pub fn is_stopping() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// Stopped on request: nothing to report.
#[derive(Debug)]
pub struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stopped")
    }
}

impl std::error::Error for Interrupted {}

/// A running program. It is stopped, with everything it started, when this is dropped.
#[derive(Debug)]
pub(crate) struct Child {
    name: String,
    process: Process,
}

impl Child {
    /// Starts it with an empty input and in a process group of its own, so that all of it can be
    /// stopped, and Ctrl-C reaches it through us: once, and gracefully.
    pub(crate) fn start(name: &str, command: &mut Command) -> Result<Self> {
        let process = command.stdin(Stdio::null()).process_group(0).spawn().with_context(|| {
            format!("{name}: {} could not be started", command.get_program().to_string_lossy())
        })?;
        Ok(Self { name: name.to_owned(), process })
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.process.try_wait().with_context(|| format!("wait for {}", self.name))
    }

    /// Waits until it ends, which it must within `limit` if there is one.
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
                bail!("{} did not end within {} s", self.name, limit.as_secs());
            }
            thread::sleep(POLL);
        }
    }

    /// SIGTERM to all of it; SIGKILL to what is left after [`GRACE`], or when somebody presses Ctrl-C again.
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
        // Also after an end of its own: what it started may still be there. The group's id can't
        // belong to anything else as long as it has members, and the kill fails when it has none.
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

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_program_that_takes_too_long_is_stopped() {
        let start = Instant::now();
        let mut child = Child::start("sleep", Command::new("sleep").arg("600")).unwrap();
        let error = child.wait(Some(Duration::from_millis(10))).unwrap_err();
        assert_eq!(error.to_string(), "sleep did not end within 0 s");
        drop(child);
        assert!(start.elapsed() < GRACE);
    }

    #[test]
    fn what_a_program_started_is_stopped_with_it() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "(sleep 60; echo still here) & wait"]).stdout(writer);
        let mut child = Child::start("sh", &mut command).unwrap();
        // With our own writing end.
        drop(command);
        child.stop();
        let mut written = String::new();
        reader.read_to_string(&mut written).unwrap();
        assert_eq!(written, "");
    }
}
