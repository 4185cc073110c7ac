//! Cleanup after a test process that could not clean up itself.

use std::{
    io::Write,
    os::unix::process::CommandExt,
    process::{ChildStdin, Command, Stdio},
    sync::{Mutex, OnceLock, PoisonError},
};

/// Reads what to guard, one item per line. Its input ends when the test process does, for whatever reason; it then kills
/// every process group and removes every folder that is still guarded. Backends of a killed server may keep writing for
/// a moment, so removing a folder is retried.
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

/// One shell per test process. Uses a pipe rather than a parent-death signal, which is sent when the spawning *thread*
/// ends (every test has its own) and exists only on Linux.
static WATCHDOG: OnceLock<Option<Mutex<ChildStdin>>> = OnceLock::new();

fn start() -> Option<Mutex<ChildStdin>> {
    Command::new("/bin/sh")
        .args(["-c", SCRIPT, "watchdog"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Its own process group: Ctrl-C ends the tests, but not their cleanup.
        .process_group(0)
        .spawn()
        .ok()
        .and_then(|mut child| child.stdin.take())
        .map(Mutex::new)
}

/// Sends a command to the watchdog. Ignores failures, since only the cleanup of killed tests depends on it.
fn send(verb: &str, what: &str) {
    if let Some(pipe) = WATCHDOG.get_or_init(start) {
        let mut pipe = pipe.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = pipe.write_all(format!("{verb} {what}\n").as_bytes());
    }
}

pub(crate) fn guard_group(leader: u32) {
    send("guard-group", &leader.to_string());
}

pub(crate) fn release_group(leader: u32) {
    send("release-group", &leader.to_string());
}

pub(crate) fn guard_folder(path: &str) {
    send("guard-folder", path);
}

pub(crate) fn release_folder(path: &str) {
    send("release-folder", path);
}
