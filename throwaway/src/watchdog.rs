//! Cleans up after a test process that could not do it itself.

use std::{
    io::Write,
    os::unix::process::CommandExt,
    process::{ChildStdin, Command, Stdio},
    sync::{Mutex, OnceLock, PoisonError},
};

/// Reads what to guard, one line each. At the end of its input, which comes when the process that
/// feeds it ended for whatever reason, it kills every process group and removes every folder that
/// still stands on its lists. Backends of a killed server may write for a moment more, so a folder
/// that can't be removed at once is tried again.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
groups=' ' folders=''
while read -r verb what; do
    case $verb in
        guard-group) groups="$groups$what " ;;
        release-group) groups=$(printf %s "$groups" | sed "s/ $what / /") ;;
        guard-folder) folders="$folders$what
" ;;
        release-folder) folders=$(printf %s "$folders" | grep -Fvx -e "$what")
            folders="${folders:+$folders
}" ;;
    esac
done
for group in $groups; do kill -s KILL -- "-$group"; done
printf %s "$folders" | while read -r folder; do
    for _ in 1 2 3 4 5; do rm -rf -- "$folder" && break || sleep 1; done
done
"#;

/// One shell per test process. A pipe rather than a parent-death signal, because that one is sent
/// when the spawning *thread* ends (every test has its own), and because it is Linux' alone.
static WATCHDOG: OnceLock<Option<Mutex<ChildStdin>>> = OnceLock::new();

fn start() -> Option<Mutex<ChildStdin>> {
    Command::new("/bin/sh")
        .args(["-c", SCRIPT, "watchdog"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // A group of its own: Ctrl-C ends the tests, not the one who cleans up after them.
        .process_group(0)
        .spawn()
        .ok()
        .and_then(|mut child| child.stdin.take())
        .map(Mutex::new)
}

/// Without a watchdog only the emergency is uncovered, so a refusal here is no reason to fail.
fn tell(verb: &str, what: &str) {
    if let Some(pipe) = WATCHDOG.get_or_init(start) {
        let mut pipe = pipe.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = pipe.write_all(format!("{verb} {what}\n").as_bytes());
    }
}

pub(crate) fn guard_group(leader: u32) {
    tell("guard-group", &leader.to_string());
}

pub(crate) fn release_group(leader: u32) {
    tell("release-group", &leader.to_string());
}

pub(crate) fn guard_folder(path: &str) {
    tell("guard-folder", path);
}

pub(crate) fn release_folder(path: &str) {
    tell("release-folder", path);
}
