//! Programs that run during a test.

use std::{
    ffi::OsStr,
    io::{self, BufRead, BufReader, Read},
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process, kill_process_group};

use crate::{Error, watchdog};

/// Time limit for a server to become ready: generous, for a busy machine.
pub const READY_WITHIN: Duration = Duration::from_secs(90);

/// A program that runs during a test. Its output is kept for the failure report. It is killed, with everything it
/// started, when this is dropped and whenever the test process ends.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: Arc<Log>,
}

/// Output so far, both streams in the order in which the lines arrived.
#[derive(Debug, Default)]
struct Log {
    written: Mutex<Written>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct Written {
    text: String,
    open_streams: u8,
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn follow(self: &Arc<Self>, stream: impl Read + Send + 'static) {
        self.lock().open_streams += 1;
        let log = Arc::clone(self);
        thread::spawn(move || {
            let mut lines = BufReader::new(stream);
            let mut line = Vec::new();
            while matches!(lines.read_until(b'\n', &mut line), Ok(length) if length > 0) {
                log.lock().text.push_str(&String::from_utf8_lossy(&line));
                log.more.notify_all();
                line.clear();
            }
            log.lock().open_streams -= 1;
            log.more.notify_all();
        });
    }
}

impl Process {
    /// Starts `command` with empty input, and its output captured in the log. `name` is for messages.
    ///
    /// # Errors
    /// Fails if it cannot be started.
    pub fn start(name: impl Into<String>, mut command: Command) -> Result<Self, Error> {
        let name = name.into();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Its own process group, so that all of it can be killed, and Ctrl-C does not reach it.
            .process_group(0)
            .spawn()
            .map_err(Error::io(format!("start {name} ({})", command.get_program().to_string_lossy())))?;
        watchdog::guard_group(child.id());
        let log = Arc::new(Log::default());
        if let Some(stdout) = child.stdout.take() {
            log.follow(stdout);
        }
        if let Some(stderr) = child.stderr.take() {
            log.follow(stderr);
        }
        Ok(Self { name, child, log })
    }

    /// Waits until the program's output contains `awaited`, and returns the first line with it.
    ///
    /// # Errors
    /// Fails if the process ends first or the time is up; the error contains the log.
    pub fn wait_for(&mut self, awaited: &str, within: Duration) -> Result<String, Error> {
        let deadline = Instant::now() + within;
        let mut written = self.log.lock();
        loop {
            if let Some(line) = written.text.lines().find(|line| line.contains(awaited)) {
                return Ok(line.to_owned());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if written.open_streams == 0 {
                let log = written.text.clone();
                drop(written);
                let status = self.child.wait().map_err(Error::io(format!("wait for {}", self.name)))?;
                return Err(Error::Ended { name: self.name.clone(), status, log });
            }
            if left.is_zero() {
                let (name, awaited, log) = (self.name.clone(), awaited.to_owned(), written.text.clone());
                return Err(Error::TimedOut { name, awaited, within, log });
            }
            written = self.log.more.wait_timeout(written, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Output of the program so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().text.clone()
    }

    /// Process id of the program.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Exit status of the program, if it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Sends a signal to the process only, not to its group. Does nothing if it has ended.
    pub fn signal(&mut self, signal: Signal) {
        if self.ended().is_none()
            && let Some(pid) = self.pid()
        {
            let _ = kill_process(pid, signal);
        }
    }

    /// Sends SIGKILL to the process and everything it started, as in a crash, and waits for its end.
    pub fn kill(&mut self) {
        // Until it is waited for, no other process can have its id.
        if self.ended().is_none()
            && let Some(group) = self.pid()
        {
            let _ = kill_process_group(group, Signal::KILL);
            let _ = self.child.wait();
        }
        watchdog::release_group(self.child.id());
    }

    /// Sends SIGTERM and waits for the process to end.
    ///
    /// # Errors
    /// Fails if it was still running after `within` and was killed.
    pub fn stop(&mut self, within: Duration) -> Result<ExitStatus, Error> {
        self.stop_with(Signal::TERM, within)
    }

    /// Like [`Process::stop`], with another signal.
    ///
    /// # Errors
    /// Fails if it was still running after `within` and was killed.
    pub fn stop_with(&mut self, signal: Signal, within: Duration) -> Result<ExitStatus, Error> {
        self.signal(signal);
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.ended() {
                watchdog::release_group(self.child.id());
                return Ok(status);
            }
            if Instant::now() >= deadline {
                self.kill();
                let (name, log) = (self.name.clone(), self.log());
                return Err(Error::TimedOut { name, awaited: "(its end)".to_owned(), within, log });
            }
            // The standard library has no wait with a deadline.
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            // Captured with the failing test's own output, where people look first.
            eprintln!("---- log of {} ----\n{}", self.name, self.log());
        }
    }
}

/// Returns a loopback port that was free a moment ago. Another process may take it in between, so callers retry with
/// another one.
///
/// # Errors
/// Fails if no port can be bound.
pub fn free_port() -> Result<u16, Error> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(Error::io("find a free port"))
}

/// Runs a program to completion and returns its standard output.
///
/// # Errors
/// Fails if it cannot be started or fails; the error contains its output.
pub fn run(name: &str, mut command: Command) -> Result<String, Error> {
    let output = command.output().map_err(Error::io(format!("run {name}")))?;
    let answer = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    if output.status.success() {
        return Ok(answer);
    }
    let log = format!("{answer}{}", String::from_utf8_lossy(&output.stderr));
    Err(Error::Ended { name: name.to_owned(), status: output.status, log })
}

/// Searches for a program in `PATH` and then in `folders`.
#[must_use]
pub fn find_program(program: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths::<OsStr>(path.as_ref())
        .chain(folders.iter().cloned())
        .map(|folder| folder.join(program))
        .find(|candidate| is_executable(candidate).unwrap_or(false))
}

fn is_executable(path: &std::path::Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = path.metadata()?;
    Ok(metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}
