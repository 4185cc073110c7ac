//! The text of an index as people type it: which characters count, and what is wrong with it.

use super::{Fault, IndexErrorKind};

/// Separators of groups of digits: those that people type, and those that pages and spreadsheets use
/// (no-break, figure, thin and narrow no-break space).
pub(super) const SEPARATORS: [char; 9] =
    [',', ' ', '\'', '’', '_', '\u{a0}', '\u{2007}', '\u{2009}', '\u{202f}'];

/// Returns the digits of a text that consists only of digits, or of groups of three digits with the same
/// separator throughout.
pub(super) fn ungrouped(text: &str) -> Option<String> {
    let separator = text.chars().find(|char| !char.is_ascii_digit());
    let groups: Vec<_> = match separator {
        Some(separator) if SEPARATORS.contains(&separator) => text.split(separator).collect(),
        _ => vec![text],
    };
    let in_threes =
        groups.len() == 1 || groups[0].len() <= 3 && groups[1..].iter().all(|group| group.len() == 3);
    (in_threes && groups.iter().all(|group| is_digits(group))).then(|| groups.concat())
}

/// Returns what is wrong with a text that is not a number.
pub(super) fn mistake(text: &str) -> IndexErrorKind {
    if text.is_empty() {
        return IndexErrorKind::Empty;
    }
    // Includes the minus sign that word processors use.
    let negative = text.strip_prefix(['-', '−']);
    let unsigned = negative.unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    if unsigned.contains('.') && is_digits(fraction) && ungrouped(whole).is_some() {
        return IndexErrorKind::Fraction;
    }
    if negative.is_some_and(|unsigned| ungrouped(unsigned).is_some()) {
        return IndexErrorKind::Negative;
    }
    let exponent = || {
        let (number, exponent) = unsigned.split_once(['e', 'E'])?;
        let number = number.chars().all(|char| char.is_ascii_digit() || char == '.');
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        (number && unsigned.starts_with(|char: char| char.is_ascii_digit()) && is_digits(exponent))
            .then_some(())
    };
    let fault = if text.contains(|char| char != ' ' && is_invisible(char)) {
        Fault::Invisible
    } else if text.strip_prefix('+').is_some_and(|unsigned| ungrouped(unsigned).is_some()) {
        Fault::Sign
    } else if exponent().is_some() {
        Fault::Exponent
    } else if text.chars().all(char::is_numeric) {
        Fault::OtherDigits
    } else if text.chars().all(|char| char.is_ascii_digit() || char == ',')
        && text.starts_with(|char: char| char.is_ascii_digit())
    {
        Fault::Groups
    } else {
        Fault::Other
    };
    IndexErrorKind::NotANumber { given: shown(text), fault }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns whether a character is ignored before and after an index. Copying a number often copies invisible
/// characters too.
pub(super) fn is_blank(char: char) -> bool {
    char.is_whitespace() || is_ignorable(char)
}

/// Returns whether a character is invisible or looks like a space.
fn is_invisible(char: char) -> bool {
    char.is_control() || is_blank(char)
}

/// Returns whether a character has the Unicode property `Default_Ignorable_Code_Point`, or looks blank although
/// it is not white space: soft hyphen, zero-width space, direction marks, byte-order mark, Braille blank.
const fn is_ignorable(char: char) -> bool {
    matches!(
        char,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Returns a text for quoting in a message: shortened, and with invisible characters replaced by their code
/// points, as in `1⟨U+200B⟩0`.
fn shown(text: &str) -> String {
    const SHOWN_CHARS: usize = 40;
    let mut shown = String::new();
    for (position, char) in text.chars().enumerate() {
        if position == SHOWN_CHARS {
            shown.push('…');
            break;
        }
        if char != ' ' && is_invisible(char) {
            shown += &format!("⟨U+{:04X}⟩", u32::from(char));
        } else {
            shown.push(char);
        }
    }
    shown
}
