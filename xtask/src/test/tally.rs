//! `cargo test`, with its results added up at the end.

use std::{
    fmt,
    io::{IsTerminal, Write, stdout},
    process::Command,
};

use anyhow::{Result, bail};

use crate::{
    output,
    progress::{clock, elapsed},
};

/// Runs `cargo test` and adds up its results.
///
/// # Errors
/// A test failed, or none ran.
pub fn run(cargo: &mut Command) -> Result<()> {
    let mut tally = Tally::default();
    if stdout().is_terminal() {
        cargo.env("CARGO_TERM_COLOR", "always");
    }
    let status = output::follow("cargo test", cargo, None, |line| {
        let _ = writeln!(stdout(), "{line}");
        tally.add_line(line);
    })?;
    println!("\n{tally}  in {}", clock(elapsed()).trim_start());
    if !status.success() {
        bail!("tests failed");
    }
    if tally.binaries == 0 {
        bail!("no tests ran");
    }
    Ok(())
}

/// Results of the tests, read from the output of `cargo test`.
#[derive(Debug, Default, Eq, PartialEq)]
struct Tally {
    /// Test programs, including each package's doctests.
    binaries: u32,
    passed: u32,
    failures: u32,
    /// Names of the failed tests.
    failed: Vec<String>,
    ignored: u32,
    /// Package whose tests are running.
    current: String,
}

impl Tally {
    fn add_line(&mut self, line: &str) {
        let line = without_colours(line);
        let line = line.trim();
        if let Some(program) = line.strip_prefix("Running ").or_else(|| line.strip_prefix("Doc-tests ")) {
            // `Running unittests src/lib.rs (target/debug/deps/fib-0123456789abcdef)`
            let name = program.rsplit('/').next().unwrap_or(program).trim_end_matches(')');
            name.rsplit_once('-').map_or(name, |(name, _)| name).clone_into(&mut self.current);
        } else if let Some(result) = line.strip_prefix("test result: ") {
            self.binaries += 1;
            self.passed += count(result, "passed");
            self.failures += count(result, "failed");
            self.ignored += count(result, "ignored");
        } else if let Some(test) =
            line.strip_prefix("test ").and_then(|test| test.strip_suffix(" ... FAILED"))
        {
            self.failed.push(format!("{}: {test}", self.current));
        }
    }
}

/// Returns the count before a word: 5 for `passed` in `ok. 5 passed; 0 failed; …`.
fn count(result: &str, word: &str) -> u32 {
    let words = result.split([' ', ';']).filter(|word| !word.is_empty()).collect::<Vec<_>>();
    words.windows(2).find(|pair| pair[1] == word).and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}

fn without_colours(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or(part, |(_, rest)| rest))
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for test in &self.failed {
            writeln!(f, "FAILED {test}")?;
        }
        let Self { binaries, passed, failures, ignored, .. } = self;
        write!(f, "{passed} tests passed, {failures} failed, {ignored} ignored, in {binaries} programs")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
     Running unittests src/lib.rs (target/debug/deps/fib-0123456789abcdef)
test seven_is_thirteen ... ok
test eight_is_nine ... FAILED
test result: FAILED. 1 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.01s
\u{1b}[1m\u{1b}[32m   Doc-tests\u{1b}[0m fib
test result: \u{1b}[32mok\u{1b}[0m. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.5s";

    #[test]
    fn results_are_added_up() {
        let mut tally = Tally::default();
        OUTPUT.lines().for_each(|line| tally.add_line(line));
        assert_eq!(tally.failed, ["fib: eight_is_nine"]);
        assert_eq!((tally.binaries, tally.passed, tally.failures, tally.ignored), (2, 4, 1, 2));
        let summary = "FAILED fib: eight_is_nine\n4 tests passed, 1 failed, 2 ignored, in 2 programs";
        assert_eq!(tally.to_string(), summary);
    }
}
