//! nginx in front, with the project's own configuration.

use std::{
    fs,
    net::TcpStream,
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use throwaway::{
    Folder, Process,
    process::{READY_WITHIN, find_program},
};

use crate::project;

/// nginx in front of the server's two listeners and cargo-leptos' websocket.
#[derive(Debug)]
pub(super) struct Nginx {
    // Stopped before its folder goes.
    process: Process,
    _folder: Folder,
}

impl Nginx {
    /// Starts it and waits until it listens on `port`.
    pub(super) fn start(port: u16, site: u16, api: u16, reload: u16) -> Result<Self> {
        let folders = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"].map(PathBuf::from);
        let program = find_program("nginx", &folders).context(
            "nginx is not installed. Debian, Ubuntu: apt-get install nginx. macOS: brew install nginx",
        )?;
        let folder = Folder::new("nginx")?;
        let template = project::root().join("nginx/fibstack.conf.template");
        let template =
            fs::read_to_string(&template).with_context(|| format!("read {}", template.display()))?;
        let file = folder.path().join("nginx.conf");
        let on_loopback = |port| format!("127.0.0.1:{port}");
        let values = [
            ("${LISTEN}", on_loopback(port)),
            ("${SITE_UPSTREAM}", on_loopback(site)),
            ("${API_UPSTREAM}", on_loopback(api)),
            ("${RELOAD_UPSTREAM}", on_loopback(reload)),
            ("${TEMP_DIR}", folder.path().display().to_string()),
        ];
        fs::write(&file, filled_in(&template, &values))?;
        let mut command = Command::new(program);
        command.args(["-e", "stderr", "-g", "daemon off;", "-p"]).arg(folder.path()).arg("-c").arg(&file);
        let mut nginx = Self { process: Process::start("nginx", command)?, _folder: folder };
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            nginx.check()?;
            if start.elapsed() > READY_WITHIN {
                bail!("nginx does not listen on port {port}; its log:\n{}", nginx.process.log());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(nginx)
    }

    /// Fails if it ended.
    pub(super) fn check(&mut self) -> Result<()> {
        match self.process.ended() {
            None => Ok(()),
            Some(status) => Err(anyhow!("nginx ended ({status}); its log:\n{}", self.process.log())),
        }
    }
}

fn filled_in(template: &str, values: &[(&str, String)]) -> String {
    values.iter().fold(template.to_owned(), |text, (name, value)| text.replace(name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_in_and_nginxs_own_variables_are_left() {
        let text = filled_in("listen ${LISTEN}; # $http_host ${LISTEN}", &[("${LISTEN}", "1:2".to_owned())]);
        assert_eq!(text, "listen 1:2; # $http_host 1:2");
    }
}
