//! Progress output: a line per step with the time since the start, and a regular update while a step is running.

use std::{
    fmt::Display,
    io::Write,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// Maximum time without output.
const MAX_SILENCE: Duration = Duration::from_secs(12);

/// The output, which concurrent steps share.
static SCREEN: Mutex<Screen> = Mutex::new(Screen { busy: Vec::new(), last_line: None });
static START: OnceLock<Instant> = OnceLock::new();

struct Screen {
    /// Name and current activity of each running step, in the order of their start.
    busy: Vec<(String, String)>,
    last_line: Option<Instant>,
}

fn screen() -> MutexGuard<'static, Screen> {
    SCREEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the clock and the regular updates.
pub(crate) fn start() {
    START.get_or_init(Instant::now);
    thread::spawn(|| {
        loop {
            thread::sleep(Duration::from_secs(1));
            let mut screen = screen();
            let silent = screen.last_line.is_some_and(|at| at.elapsed() >= MAX_SILENCE);
            if silent && !screen.busy.is_empty() {
                let doing = screen.busy.iter().map(|(name, now)| describe(name, now)).collect::<Vec<_>>();
                write(&mut screen, &format!("  … {}", doing.join(" · ")));
            }
        }
    });
}

/// Prints a line with the time since the start.
pub fn say(line: impl Display) {
    write(&mut screen(), &line.to_string());
}

fn write(screen: &mut Screen, line: &str) {
    screen.last_line = Some(Instant::now());
    // Ignore errors: a closed output is no reason to stop.
    let _ = writeln!(std::io::stdout(), "[{}] {line}", clock(elapsed()));
}

/// Time since the start of the command.
#[must_use]
pub fn elapsed() -> Duration {
    START.get_or_init(Instant::now).elapsed()
}

/// Formats minutes and seconds.
pub(crate) fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    format!("{:>2}:{:02}", seconds / 60, seconds % 60)
}

fn describe(name: &str, now: &str) -> String {
    if now.is_empty() { name.to_owned() } else { format!("{name}: {now}") }
}

/// A step that takes a while. It ends when this is dropped.
#[derive(Debug)]
pub struct Step {
    name: String,
}

impl Step {
    /// Begins a step.
    #[must_use]
    pub fn begin(name: &str) -> Self {
        screen().busy.push((name.to_owned(), String::new()));
        Self { name: name.to_owned() }
    }

    /// Updates the current activity from a line of output.
    pub(crate) fn update(&self, line: &str) {
        if let Some(now) = in_cargo_output(line) {
            self.is_doing(&now);
        }
    }

    /// Sets the current activity.
    pub fn is_doing(&self, now: &str) {
        if let Some(entry) = screen().busy.iter_mut().find(|(name, _)| *name == self.name) {
            now.clone_into(&mut entry.1);
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        screen().busy.retain(|(name, _)| *name != self.name);
    }
}

/// `Building [====>   ] 213/520: syn, serde(build), swc_ecma_ast` → `213/520 syn, serde(build)…`
fn in_cargo_output(line: &str) -> Option<String> {
    let line = line.trim();
    if let Some(bar) = line.strip_prefix("Building [") {
        let (_, counted) = bar.split_once("] ")?;
        let (count, crates) = counted.split_once(": ").unwrap_or((counted, ""));
        let first = crates.split(", ").take(2).collect::<Vec<_>>().join(", ");
        return Some(format!("{count} {first}").trim_end().to_owned());
    }
    let (verb, what) = line.split_once(' ')?;
    match verb {
        "Compiling" | "Checking" | "Downloading" | "Documenting" | "Blocking" | "Updating" => {
            Some(format!("{} {}", verb.to_lowercase(), what.trim()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_read_from_cargos_output() {
        let bar = "    Building [=====>       ] 213/520: swc_ecma_ast, syn, serde";
        assert_eq!(in_cargo_output(bar).as_deref(), Some("213/520 swc_ecma_ast, syn"));
        assert_eq!(in_cargo_output("Building [==>  ] 1/2").as_deref(), Some("1/2"));
        assert_eq!(in_cargo_output("   Compiling syn v2.0.1").as_deref(), Some("compiling syn v2.0.1"));
        assert_eq!(in_cargo_output("warning: unused"), None);
    }

    #[test]
    fn the_clock_shows_minutes_and_seconds() {
        assert_eq!(clock(Duration::from_secs(125)), " 2:05");
    }
}
