//! A registry of images for a test.

use std::{fs, process::Command, time::Duration};

use e2e::engine::{image, run_docker};
use throwaway::{Folder, Process};

/// A registry on a free loopback port, where docker pushes without TLS; gone when this is dropped.
pub(crate) struct Registry {
    address: String,
    _process: Process,
    _folder: Folder,
}

impl Registry {
    pub(crate) fn start() -> Self {
        let folder = Folder::new("registry").unwrap();
        let data = folder.path().display();
        let settings = format!(
            "version: 0.1\nlog: {{level: info}}\nstorage: {{filesystem: {{rootdirectory: {data}}}, delete: {{enabled: \
             true}}}}\nhttp: {{addr: \"127.0.0.1:0\"}}\n"
        );
        let file = folder.path().join("settings.yaml");
        fs::write(&file, settings).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&file);
        let mut process = Process::start("docker-registry", command).unwrap();
        let line = process.wait_for("listening on", Duration::from_secs(60)).unwrap();
        let (_, rest) = line.split_once("listening on ").unwrap();
        let address = rest.split(['"', ' ', ',']).next().unwrap().to_owned();
        Self { address, _process: process, _folder: folder }
    }

    /// What stands before the images' names.
    pub(crate) fn prefix(&self) -> String {
        format!("{}/fibstack/", self.address)
    }

    /// The images under test, pushed under a tag, each a little other than under any other tag.
    pub(crate) fn push_version(&self, tag: &str) {
        for part in ["server", "worker", "nginx"] {
            self.push(part, tag, &format!("FROM {}\nLABEL version={tag}\n", image(part)));
        }
    }

    /// A version whose server ends as soon as it starts.
    pub(crate) fn push_broken_version(&self, tag: &str) {
        self.push_version(tag);
        self.push("server", tag, &format!("FROM {}\nENV EMBEDDED=neither\n", image("server")));
    }

    fn push(&self, part: &str, tag: &str, dockerfile: &str) {
        let folder = Folder::new("image").unwrap();
        fs::write(folder.path().join("Dockerfile"), dockerfile).unwrap();
        let name = format!("{}{part}:{tag}", self.prefix());
        run_docker(&["build", "--quiet", "--tag", &name, &folder.path().to_string_lossy()]);
        run_docker(&["push", "--quiet", &name]);
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let images = format!("--filter=reference={}*", self.prefix());
        for name in run_docker(&["images", "--format", "{{.Repository}}:{{.Tag}}", &images]).lines() {
            run_docker(&["rmi", "--force", name]);
        }
    }
}
