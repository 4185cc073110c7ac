//! Stands in for clearscreen, with which `cargo leptos watch --clear` clears the terminal: asks an ANSI one.

use std::io::{self, Write};

pub fn clear() -> io::Result<()> {
    let mut terminal = io::stdout();
    terminal.write_all(b"\x1b[H\x1b[2J\x1b[3J")?;
    terminal.flush()
}
