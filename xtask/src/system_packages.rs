//! Programs from the system's packages: servers and a browser for the tests, a C library for the images.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};
use throwaway::process::find_program;

use crate::{job::Job, progress::say, requirements};

/// A requirement: one of these programs must be installed. Debian has it in this package.
#[derive(Debug)]
pub struct Need {
    what: &'static str,
    programs: &'static [&'static str],
    package: &'static str,
}

/// Requirements of all tests.
pub(crate) const FOR_TESTS: &[Need] = &[
    Need { what: "PostgreSQL", programs: &["initdb"], package: "postgresql" },
    Need { what: "Redis", programs: &["redis-server"], package: "redis-server" },
    Need { what: "nginx", programs: &["nginx"], package: "nginx" },
    // The tests of the nginx image's start script run only on Linux.
    #[cfg(target_os = "linux")]
    Need { what: "envsubst", programs: &["envsubst"], package: "gettext-base" },
    Need {
        what: "Chromium",
        programs: &["chromium", "chromium-browser", "google-chrome", "chrome"],
        package: "chromium",
    },
    Need { what: "chromedriver", programs: &["chromedriver"], package: "chromium-driver" },
    Need { what: "openssl", programs: &["openssl"], package: "openssl" },
];

/// Requirements of static binaries.
pub const FOR_ARTIFACTS: &[Need] = &[
    Need { what: "musl", programs: &["musl-gcc"], package: "musl-tools" },
    Need { what: "strip", programs: &["strip"], package: "binutils" },
];

/// Requirements of the deployment tests.
pub const FOR_DEPLOYMENT: &[Need] =
    &[Need { what: "Python", programs: &["python3"], package: "python3-venv" }];

/// Returns folders with servers that are not on an ordinary user's PATH.
fn folders() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let postgres = versions.map(|version| version.path().join("bin"));
    postgres.chain(["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"].map(PathBuf::from)).collect()
}

fn missing(needs: &'static [Need]) -> Vec<&'static Need> {
    let folders = folders();
    let is_installed =
        |need: &&Need| need.programs.iter().any(|program| find_program(program, &folders).is_some());
    needs.iter().filter(|need| !is_installed(need)).collect()
}

fn names(needs: &[&Need]) -> String {
    needs.iter().map(|need| need.what).collect::<Vec<_>>().join(", ")
}

/// Checks that everything is installed, and installs what is missing if `install` is set.
///
/// # Errors
/// Something is missing and was not installed.
pub fn provide(all: &'static [Need], install: bool) -> Result<()> {
    let needs = missing(all);
    if needs.is_empty() {
        return Ok(());
    }
    if !install {
        bail!("missing: {}. Debian, Ubuntu: {}", names(&needs), by_hand(&needs));
    }
    let system = System::of(&fs::read_to_string("/etc/os-release").unwrap_or_default());
    let by_apt: Vec<&Need> = needs.iter().copied().filter(|need| system.has_in_apt(need)).collect();
    if !by_apt.is_empty() {
        apt(&by_apt)?;
    }
    let left = missing(all);
    if left.is_empty() {
        return Ok(());
    }
    bail!("missing: {}, which cannot be installed automatically.\n{}", names(&left), system.advice());
}

/// Kind of operating system.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum System {
    Debian,
    /// Like Debian, but its `chromium` only installs a snap, which does not run in a container and has no separate
    /// chromedriver.
    Ubuntu,
    Other,
}

impl System {
    fn of(os_release: &str) -> Self {
        let ids = os_release
            .lines()
            .filter_map(|line| line.strip_prefix("ID=").or_else(|| line.strip_prefix("ID_LIKE=")))
            .flat_map(|ids| ids.trim_matches('"').split(' '))
            .collect::<Vec<_>>();
        if ids.contains(&"ubuntu") {
            Self::Ubuntu
        } else if ids.contains(&"debian") {
            Self::Debian
        } else {
            Self::Other
        }
    }

    fn has_in_apt(self, need: &Need) -> bool {
        match self {
            Self::Debian => true,
            Self::Ubuntu => !need.package.starts_with("chromium"),
            Self::Other => false,
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::Ubuntu => {
                "Ubuntu's own chromium is a snap. Install Google's browser and the chromedriver of the same \
                 version (https://googlechromelabs.github.io/chrome-for-testing) so that `google-chrome` and \
                 `chromedriver` are on PATH."
            }
            Self::Debian => "See the messages of apt above.",
            Self::Other => {
                "Install them so that initdb, redis-server, nginx, envsubst, chromium (or google-chrome), \
                 chromedriver and openssl are on PATH.\n\
                 macOS: brew install postgresql redis nginx chromedriver && brew install --cask google-chrome\n\
                 Fedora: dnf install postgresql-server redis nginx gettext chromium chromedriver openssl"
            }
        }
    }
}

fn by_hand(needs: &[&Need]) -> String {
    let packages = needs.iter().map(|need| need.package).collect::<Vec<_>>();
    format!("apt-get install --no-install-recommends {}", packages.join(" "))
}

/// Installs through apt, as root or through passwordless sudo.
fn apt(needs: &[&Need]) -> Result<()> {
    let packages = needs.iter().map(|need| need.package).collect::<Vec<_>>();
    let by_hand = by_hand(needs);
    let root = rustix::process::geteuid().is_root();
    if !root && !requirements::runs("sudo -n true") {
        bail!("missing: {}. Install them, then run this command again:\n  sudo {by_hand}", names(needs));
    }
    say(format!("installing {} (their services are not started)", names(needs)));
    // Debian starts services when it installs them, unless this file forbids it. An existing file is kept.
    let script = r#"
        policy=/usr/sbin/policy-rc.d
        if [ ! -e "$policy" ]; then
            trap 'rm -f "$policy"' EXIT
            printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
        fi
        export DEBIAN_FRONTEND=noninteractive
        apt-get -q update && apt-get -q install -y --no-install-recommends "$@"
    "#;
    let mut command = if root { Command::new("sh") } else { Command::new("sudo") };
    if !root {
        command.args(["-n", "sh"]);
    }
    command.args(["-c", script, "install"]).args(&packages).current_dir(Path::new("/"));
    Job::new("apt-get").run(&mut command).map_err(|error| error.context(format!("run it by hand: {by_hand}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_are_recognised() {
        assert_eq!(System::of("NAME=x\nID=debian\n"), System::Debian);
        assert_eq!(System::of("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"), System::Ubuntu);
        assert_eq!(System::of("ID=fedora\n"), System::Other);
        assert_eq!(System::of(""), System::Other);
    }

    #[test]
    fn ubuntus_chromium_snap_is_not_installed() {
        let chromium = FOR_TESTS.iter().find(|need| need.what == "Chromium").unwrap();
        assert!(System::Debian.has_in_apt(chromium));
        assert!(!System::Ubuntu.has_in_apt(chromium));
    }
}
