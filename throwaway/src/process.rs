//! A program that runs beside a test.

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

/// How long a server may take to say that it is ready: generous, for a busy machine.
pub const READY_WITHIN: Duration = Duration::from_secs(90);

/// A program that runs beside a test: its output is kept for the failure report, and it is killed,
/// with everything it started, when this is dropped or the test process ends in whatever way.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: Arc<Log>,
}

/// What it wrote so far, both streams in the order in which the lines came.
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
    /// Starts `command`; `name` is for messages. Its input is empty, its output goes to the log.
    ///
    /// # Errors
    /// It could not be started.
    pub fn start(name: impl Into<String>, mut command: Command) -> Result<Self, Error> {
        let name = name.into();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own, so that all of it can be killed, and Ctrl-C leaves that to us.
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

    /// Waits until it wrote `awaited`, and gives back the first line that has it.
    ///
    /// # Errors
    /// It ended, or did not write it in time; the error shows the log.
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

    /// What it wrote so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().text.clone()
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Sends a signal to the process alone. One that has ended is left alone.
    pub fn signal(&mut self, signal: Signal) {
        if self.ended().is_none()
            && let Some(pid) = self.pid()
        {
            let _ = kill_process(pid, signal);
        }
    }

    /// SIGKILL to it and to what it started, and waits until it is gone. No chance to clean up: a crash.
    pub fn kill(&mut self) {
        // Before it is waited for, its id can't belong to anything else.
        if self.ended().is_none()
            && let Some(group) = self.pid()
        {
            let _ = kill_process_group(group, Signal::KILL);
            let _ = self.child.wait();
        }
        watchdog::release_group(self.child.id());
    }

    /// SIGTERM, and waits for a graceful end.
    ///
    /// # Errors
    /// It was still running after `within`, and was killed.
    pub fn stop(&mut self, within: Duration) -> Result<ExitStatus, Error> {
        self.stop_with(Signal::TERM, within)
    }

    /// As [`Process::stop`], with another signal.
    ///
    /// # Errors
    /// It was still running after `within`, and was killed.
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
            // There is no wait with a deadline in the standard library.
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
            // Captured with the failing test's own output, where it is looked for.
            eprintln!("---- log of {} ----\n{}", self.name, self.log());
        }
    }
}

/// A loopback port that was free a moment ago. Somebody else may take it in between: whoever uses it
/// tries again with another one.
///
/// # Errors
/// The operating system refused.
pub fn free_port() -> Result<u16, Error> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(Error::io("find a free port"))
}

/// Runs a program to its end, and gives back what it wrote to its output.
///
/// # Errors
/// It could not be started, or failed; the error shows what it wrote.
pub fn run(name: &str, mut command: Command) -> Result<String, Error> {
    let output = command.output().map_err(Error::io(format!("run {name}")))?;
    let answer = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    if output.status.success() {
        return Ok(answer);
    }
    let log = format!("{answer}{}", String::from_utf8_lossy(&output.stderr));
    Err(Error::Ended { name: name.to_owned(), status: output.status, log })
}

/// Looks a program up in `PATH` and then in `folders`.
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
