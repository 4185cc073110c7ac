//! A question before anything that cannot be undone.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::{Context, Result, bail};

/// Asks for `name` to be typed; `yes` answers beforehand. Without a terminal and without `yes` it fails.
pub(crate) fn confirm(what: &str, name: &str, yes: bool) -> Result<()> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        bail!("{what} There is no terminal to ask at; --yes says that it is meant.");
    }
    let mut output = io::stdout();
    write!(output, "{what}\nType {name} if that is what you want: ").context("ask")?;
    output.flush().context("ask")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).context("read the answer")?;
    if answer.trim() == name { Ok(()) } else { bail!("nothing was done") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn said_beforehand_is_not_asked() {
        assert!(confirm("All goes.", "fibstack", true).is_ok());
    }
}
