//! Files of environment variables in the syntax of Compose.

use std::{fs, io, path::Path};

use anyhow::{Context, Result, bail};

/// Returns the variables of a file in order; empty if the file does not exist.
pub(crate) fn read(path: &Path) -> Result<Vec<(String, String)>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text.lines().filter_map(line).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| format!("failed to read {}", path.display())),
    }
}

/// Returns the variable that a line sets, if any.
pub(crate) fn line(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
    let name = name.trim();
    let is_name = !name.is_empty() && name.chars().all(|each| each.is_ascii_alphanumeric() || each == '_');
    is_name.then(|| (name.to_owned(), unquoted(value.trim())))
}

fn unquoted(value: &str) -> String {
    match value.chars().next() {
        Some('\'') => value[1..].split('\'').next().unwrap_or_default().to_owned(),
        Some('"') => {
            let mut text = String::new();
            let mut characters = value[1..].chars();
            while let Some(character) = characters.next() {
                match character {
                    '"' => break,
                    '\\' => text.extend(characters.next()),
                    other => text.push(other),
                }
            }
            text
        }
        // Only after a blank does `#` begin a comment.
        _ => value.split(" #").next().unwrap_or_default().trim_end().to_owned(),
    }
}

/// Returns the line that sets a variable, quoted so that Compose substitutes nothing for a `$`.
pub(crate) fn set(name: &str, value: &str) -> Result<String> {
    if value.contains(['\n', '\r']) {
        bail!("{name} must be a single line");
    }
    let plain = |each: char| each.is_ascii_alphanumeric() || "_./:@,+-".contains(each);
    Ok(if value.chars().all(plain) {
        format!("{name}={value}")
    } else if value.contains('\'') {
        let escaped = value.replace('\\', r"\\").replace('"', "\\\"").replace('$', r"\$");
        format!("{name}=\"{escaped}\"")
    } else {
        format!("{name}='{value}'")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_compose_reads_them() {
        let reads = |text, name: &str, value: &str| {
            assert_eq!(line(text), Some((name.to_owned(), value.to_owned())), "{text}");
        };
        reads("PORT=3050", "PORT", "3050");
        reads(" export PORT = 3050 # where", "PORT", "3050");
        reads("A='p#$ w' # a comment", "A", "p#$ w");
        reads(r#"A="p\"\$w\\""#, "A", r#"p"$w\"#);
        reads("A=a#b", "A", "a#b");
        reads("EMPTY=", "EMPTY", "");
        for text in ["", "# A=b", "no variable", "a b=c"] {
            assert_eq!(line(text), None, "{text}");
        }
    }

    #[test]
    fn a_value_survives_writing_and_reading() {
        for value in ["", "3050", "postgres://me:p%40@db:5432/x", "p w", "$HOME", "it's \"$5\"\\", "a#b"] {
            let text = set("A", value).unwrap();
            assert_eq!(line(&text).unwrap().1, value, "{text}");
        }
        assert_eq!(set("A", "b").unwrap(), "A=b");
        assert!(set("A", "b\nC=d").is_err());
    }
}
