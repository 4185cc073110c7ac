//! Limits on text from outside, applied before it is stored, logged or shown.

/// Truncates a text to `max_chars` characters and replaces control characters with blanks.
///
/// ```
/// assert_eq!(protocol::bounded("a\nb\u{1b}c", 4), "a b…");
/// assert_eq!(protocol::bounded("abcd", 4), "abcd");
/// ```
#[must_use]
pub fn bounded(text: &str, max_chars: usize) -> String {
    let printable = |char: char| if char.is_control() { ' ' } else { char };
    let mut kept: String = text.chars().take(max_chars).map(printable).collect();
    if text.chars().nth(max_chars).is_some() {
        kept.pop();
        kept.push('…');
    }
    kept
}
