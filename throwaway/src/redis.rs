//! A Redis server for a single test.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use rustix::process::Signal;

use crate::{
    Error, Folder, Process, certificates,
    process::{self, READY_WITHIN},
};

const PASSWORD: &str = "throwaway";
const READY: &str = "Ready to accept connections";

/// A Redis server for a single test: empty, on a free loopback port, without persistence. Stopped when this is dropped,
/// and whenever the test process ends.
#[derive(Debug)]
pub struct Redis {
    options: Options,
    port: u16,
    // Declared before its folder, so that it is stopped before that is removed.
    process: Process,
    folder: Folder,
}

/// Options of a server.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Require [`Redis::password`].
    pub password: bool,
    /// Accept only TLS, with a certificate for `127.0.0.1` and `localhost` that is signed by
    /// [`Redis::ca_certificate`].
    pub tls: bool,
    /// Run as a cluster of one, which refuses scripts whose keys are not all in one slot.
    pub cluster: bool,
}

impl Redis {
    /// Starts a server without a password and waits until it accepts connections.
    ///
    /// # Errors
    /// Fails if Redis is not installed or does not start; the error contains its log.
    pub fn start() -> Result<Self, Error> {
        Self::start_with(Options::default())
    }

    /// Starts a server with these options and waits until it accepts connections.
    ///
    /// # Errors
    /// Fails if Redis (or `openssl`, for TLS) is not installed or does not start; the error contains its log.
    pub fn start_with(options: Options) -> Result<Self, Error> {
        let folder = Folder::new("redis")?;
        if options.tls {
            certificates::make(folder.path(), "IP:127.0.0.1,DNS:localhost")?;
        }
        let (process, port) = launch(options, folder.path(), None)?;
        let redis = Self { options, port, process, folder };
        if options.cluster {
            redis.execute(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"])?;
        }
        Ok(redis)
    }

    /// Host of the server.
    #[must_use]
    pub fn host(&self) -> &'static str {
        "127.0.0.1"
    }

    /// Port of the server, which [`Redis::restart`] keeps.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Password of the server, if it requires one.
    #[must_use]
    pub fn password(&self) -> Option<&'static str> {
        self.options.password.then_some(PASSWORD)
    }

    /// File of the authority that signed the server's certificate, if it uses TLS.
    #[must_use]
    pub fn ca_certificate(&self) -> Option<PathBuf> {
        self.options.tls.then(|| self.folder.path().join("ca.pem"))
    }

    /// URL of the server, with the password if there is one.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.options.tls { "rediss" } else { "redis" };
        let user = self.password().map(|password| format!(":{password}@")).unwrap_or_default();
        format!("{scheme}://{user}{}:{}/", self.host(), self.port)
    }

    /// Runs one command with `redis-cli` and returns the reply, one line per part.
    ///
    /// # Errors
    /// Fails if Redis refuses the command; the error contains its message.
    pub fn execute(&self, command: &[&str]) -> Result<String, Error> {
        let mut client = Command::new(program("redis-cli")?);
        // -e: errors set the exit status.
        client.args(["-e", "-h", self.host(), "-p", &self.port.to_string()]);
        if let Some(password) = self.password() {
            client.env("REDISCLI_AUTH", password);
        }
        if let Some(ca) = self.ca_certificate() {
            client.arg("--tls").arg("--cacert").arg(ca);
        }
        client.args(command);
        process::run("redis-cli", client)
    }

    /// Output of the server since it was last started.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Freezes the server until [`Redis::resume`]: connections stay open, but nothing is answered.
    pub fn pause(&mut self) {
        self.process.signal(Signal::STOP);
    }

    /// Lets a frozen server continue.
    pub fn resume(&mut self) {
        self.process.signal(Signal::CONT);
    }

    /// Crashes the server with SIGKILL. Its data is lost.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Shuts the server down.
    ///
    /// # Errors
    /// Fails if the server did not stop in time and was killed.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.resume();
        self.process.stop(READY_WITHIN).map(drop)
    }

    /// Starts the server again, empty and on the same port, after killing it if it is running.
    ///
    /// # Errors
    /// Fails if the server does not start; the error contains its log.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.kill();
        (self.process, self.port) = launch(self.options, self.folder.path(), Some(self.port))?;
        Ok(())
    }
}

/// Starts the server on `port`, or on a free one, and waits until it accepts connections. Retries with another port if
/// that one has been taken in the meantime.
fn launch(options: Options, folder: &Path, port: Option<u16>) -> Result<(Process, u16), Error> {
    const TRIES: u32 = 20;
    let mut tries = 0;
    loop {
        let on = port.map_or_else(process::free_port, Ok)?;
        tries += 1;
        let mut server = Process::start("redis-server", command(options, folder, on)?)?;
        match server.wait_for(READY, READY_WITHIN) {
            Ok(_) => return Ok((server, on)),
            Err(Error::Ended { log, .. }) if log.contains("Address already in use") && tries < TRIES => {
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(error) => return Err(error),
        }
    }
}

fn command(options: Options, folder: &Path, port: u16) -> Result<Command, Error> {
    let mut server = Command::new(program("redis-server")?);
    server.current_dir(folder);
    server.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--databases", "1"]);
    if options.tls {
        server.args(["--port", "0", "--tls-port", &port.to_string(), "--tls-auth-clients", "no"]);
        for (setting, file) in [
            ("--tls-ca-cert-file", "ca.pem"),
            ("--tls-cert-file", "server.pem"),
            ("--tls-key-file", "server.key"),
        ] {
            server.arg(setting).arg(folder.join(file));
        }
    } else {
        server.args(["--port", &port.to_string()]);
    }
    if options.cluster {
        server.args(["--cluster-enabled", "yes"]);
    }
    if options.password {
        server.args(["--requirepass", PASSWORD]);
    }
    Ok(server)
}

fn program(name: &'static str) -> Result<PathBuf, Error> {
    process::find_program(name, &["/usr/local/bin".into(), "/opt/homebrew/bin".into()]).ok_or_else(|| {
        Error::Missing {
            program: name,
            hint: "not in PATH; install it (Debian and Ubuntu: apt-get install redis-server redis-tools; \
                   macOS: brew install redis)"
                .to_owned(),
        }
    })
}
