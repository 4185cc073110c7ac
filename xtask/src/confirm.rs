//! Confirmation of commands that cannot be undone.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::{Context, Result, bail};

/// Prints `consequence` and makes the user type `name`, unless the option named `option` has set `confirmed`.
///
/// # Errors
/// The user refused, or the input is not a terminal.
pub fn confirm(consequence: &str, name: &str, confirmed: bool, option: &str) -> Result<()> {
    if confirmed {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        bail!("{consequence} Not a terminal: pass {option} to confirm.");
    }
    let mut output = io::stdout();
    write!(output, "{consequence}\nType {name} to confirm: ").context("failed to ask")?;
    output.flush().context("failed to ask")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).context("failed to read the answer")?;
    if answer.trim() == name { Ok(()) } else { bail!("not confirmed; nothing was changed") }
}
