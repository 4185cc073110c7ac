//! nginx as its container runs it, but without a container.

use std::{
    fs,
    io::Write,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use e2e::{Answer, Client, DEADLINE, eventually};
use reqwest::{Method, header::CONNECTION};
use throwaway::{Error, Folder, Process, process::free_port};
use tokio::{io::AsyncWriteExt, net::TcpStream, task::spawn_blocking};

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../nginx");

/// Replaces the real `getent`, so that a test controls name resolution: a name has the addresses in the file of that
/// name.
const GETENT: &str = r#"#!/bin/sh
case $1 in
    ahostsv4) wanted='[.]'; echo "$2" >>"$NAMES/asked" ;;
    ahostsv6) wanted=: ;;
esac
grep "$wanted" "$NAMES/$2" 2>/dev/null || exit 2
"#;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) plain: u16,
    pub(crate) tls: u16,
}

/// Files of the container before it starts.
#[derive(Debug)]
pub(crate) struct Container {
    folder: Folder,
}

impl Container {
    pub(crate) fn new() -> Self {
        let container = Self { folder: Folder::new("nginx-start").unwrap() };
        for folder in ["bin", "names", "tls"] {
            fs::create_dir(container.path(folder)).unwrap();
        }
        let getent = container.path("bin/getent");
        fs::write(&getent, GETENT).unwrap();
        fs::set_permissions(&getent, PermissionsExt::from_mode(0o755)).unwrap();
        copy(Path::new(SOURCES), &container.path("nginx"));
        // As root, nginx would run its workers as a user who cannot read the folder.
        if fs::metadata("/proc/self").unwrap().uid() == 0 {
            container.edit("nginx/nginx.conf.template", |text| format!("user root;\n{text}"));
        }
        if !knows_http2() {
            container.edit("nginx/tls.conf.template", |text| text.replace("http2 on;", ""));
        }
        container
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn edit(&self, name: &str, edited: impl Fn(String) -> String) {
        let path = self.path(name);
        fs::write(&path, edited(fs::read_to_string(&path).unwrap())).unwrap();
    }

    /// Sets the addresses of a name. With none, the name is unknown.
    pub(crate) fn resolve(&self, name: &str, addresses: &[&str]) {
        let (new, file) = (self.path("names/new"), self.path("names").join(name));
        fs::write(&new, addresses.iter().map(|address| format!("{address} STREAM\n")).collect::<String>())
            .unwrap();
        fs::rename(new, file).unwrap();
    }

    /// Waits until the current addresses were looked up and any reload is finished.
    pub(crate) async fn wait_for_look_up(&self) {
        let asked = || fs::read_to_string(self.path("names/asked")).unwrap_or_default().lines().count();
        // The rest of this round of two names, another round, and the start of the next.
        let enough = asked() + 4;
        eventually("names are looked up", || async {
            let asked = asked();
            if asked >= enough { Ok(()) } else { Err(format!("{asked} look-ups, not {enough}")) }
        })
        .await;
    }

    /// Creates a certificate and its key in these two files.
    pub(crate) fn make_certificate(&self, certificate: &str, key: &str) {
        let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-days", "2"];
        let names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509"]).args(curve).args(names);
        let made =
            openssl.arg("-out").arg(self.path(certificate)).arg("-keyout").arg(self.path(key)).output();
        assert!(made.as_ref().is_ok_and(|made| made.status.success()), "{made:?}");
    }

    fn run(&self, ports: Ports, settings: &[(&str, &str)]) -> Process {
        let path = std::env::var("PATH").unwrap();
        let own = [
            ("LISTEN", "127.0.0.1:{port}".to_owned()),
            ("TLS_LISTEN", format!("127.0.0.1:{}", ports.tls)),
            ("PATH", format!("{}:{path}:/usr/sbin", self.path("bin").display())),
        ];
        let folders = [("NAMES", "names"), ("TEMP_DIR", "temp"), ("TLS_DIR", "tls")];
        let mut start = Command::new(self.path("nginx/start.sh"));
        start.env_clear().envs(folders.map(|(name, folder)| (name, self.path(folder))));
        for (name, value) in
            own.iter().map(|(name, value)| (*name, value.as_str())).chain(settings.iter().copied())
        {
            start.env(name, value.replace("{port}", &ports.plain.to_string()));
        }
        Process::start("start.sh", start).unwrap()
    }

    /// Starts it and waits until it listens. `{port}` in a setting is replaced with the port it listens on.
    pub(crate) async fn start(self, settings: &[(&str, &str)]) -> Running {
        loop {
            let ports = Ports { plain: free_port().unwrap(), tls: free_port().unwrap() };
            let mut process = self.run(ports, settings);
            // Waiting for a response is not enough: another process on the same port could send it.
            let ended = eventually("nginx has its ports or has ended", || {
                let id = fs::read_to_string(self.path("temp/nginx.pid")).unwrap_or_default();
                let state = match process.ended() {
                    None if id.is_empty() => Err("neither"),
                    ended => Ok(ended),
                };
                async move { state }
            })
            .await;
            if ended.is_none() {
                let site = Client::new(format!("http://127.0.0.1:{}", ports.plain));
                return Running { process, ports, site, container: self };
            }
            // Another process took one of the ports.
            process.wait_for("Address already in use", DEADLINE).unwrap();
        }
    }

    /// Runs it until it ends, and returns its exit code and output.
    pub(crate) fn refusal(&self, settings: &[(&str, &str)]) -> (Option<i32>, String) {
        let ports = Ports { plain: free_port().unwrap(), tls: free_port().unwrap() };
        match self.run(ports, settings).wait_for("(never written)", DEADLINE) {
            Err(Error::Ended { status, log, .. }) => (status.code(), log),
            other => panic!("it should have ended: {other:?}"),
        }
    }
}

/// A running nginx.
#[derive(Debug)]
pub(crate) struct Running {
    // Declared before its folder, so that it is killed before that is removed.
    pub(crate) process: Process,
    pub(crate) ports: Ports,
    pub(crate) site: Client,
    pub(crate) container: Container,
}

impl Running {
    /// Sends a GET request on a new connection, since nginx closes idle ones when it reloads.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        let request = self.site.request(Method::GET, path).header(CONNECTION, "close");
        self.site.send(request).await
    }

    pub(crate) async fn connect(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.ports.plain)).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// Output of a TLS client that trusts only this certificate.
    pub(crate) async fn tls(&self, certificate: &str, request: &str, options: &[&str]) -> String {
        let mut openssl = Command::new("openssl");
        openssl.args([
            "s_client",
            "-connect",
            &format!("127.0.0.1:{}", self.ports.tls),
            "-verify_return_error",
        ]);
        openssl.arg("-CAfile").arg(self.container.path(certificate)).args(options);
        openssl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let request = request.to_owned();
        let talk = move || {
            let mut child = openssl.spawn()?;
            // The client may have ended already.
            let _ = child.stdin.take().map(|mut stdin| stdin.write_all(request.as_bytes()));
            child.wait_with_output()
        };
        let Output { stdout, stderr, .. } = spawn_blocking(talk).await.unwrap().unwrap();
        format!("{}{}", String::from_utf8_lossy(&stderr), String::from_utf8_lossy(&stdout))
    }
}

/// `nginx version: nginx/1.26.3`
fn version() -> (u32, u32) {
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap());
    let output = Command::new("sh").args(["-c", "nginx -v 2>&1"]).env("PATH", path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut numbers = text.rsplit('/').next().unwrap().split('.').map(|number| number.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

/// Returns true if nginx knows the directive `http2`. The versions in Debian 12 and Ubuntu 24.04 do not.
pub(crate) fn knows_http2() -> bool {
    version() > (1, 24)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, to) = (entry.as_ref().unwrap(), to.join(entry.as_ref().unwrap().file_name()));
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
