//! The index of a value, and the mistakes in a text that is not one.

mod text;

use std::fmt;

use serde::{Deserialize, Serialize};

use self::text::{is_blank, mistake, ungrouped};

/// The index of a value: a whole number from 0 to 2,147,483,647.
///
/// The upper end is that of the original system's `integer` column, which its clients still read
/// and write. The indexes that an installation computes are its [`IndexRange`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = u32, maximum = 2147483647, description = "A whole number from 0."))]
#[serde(try_from = "u32", into = "u32")]
pub struct Index(u32);

/// The indexes that an installation computes: from the lowest one for which its job has a value to the
/// highest one (setting `MAX_INDEX`).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct IndexRange {
    /// The lowest index allowed.
    pub lowest: Index,
    /// The highest index allowed.
    pub highest: Index,
}

/// Reason a text was rejected as an index, and what is allowed instead. The `Display` text is for API clients
/// and logs; the page has its own wording.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub struct IndexError {
    /// Kind of mistake.
    pub kind: IndexErrorKind,
    /// The indexes that are allowed.
    pub allowed: IndexRange,
}

/// Mistake in a text that was rejected as an index.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum IndexErrorKind {
    /// It is blank.
    Empty,
    /// It contains something other than decimal digits.
    NotANumber {
        /// The text, shortened, with invisible characters made visible.
        given: String,
        /// The part of the text that is wrong.
        fault: Fault,
    },
    /// It is below zero.
    Negative,
    /// It has a decimal point.
    Fraction,
    /// It is below the lowest index.
    TooLow,
    /// It exceeds the highest index.
    TooHigh,
}

/// Part of a text that keeps it from being an index.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// A plus sign: `+7`.
    Sign,
    /// An exponent: `1e3`.
    Exponent,
    /// Digits of another script: `７`.
    OtherDigits,
    /// Digits grouped other than in threes: `1,00`.
    Groups,
    /// An invisible character: `1\u{200b}0`.
    Invisible,
    /// Anything else.
    Other,
}

impl Fault {
    /// Returns what is wrong, as the rest of a sentence that begins with the text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sign => "must not have a sign",
            Self::Exponent => "must be written out, without an exponent",
            Self::OtherDigits => "must be written with the digits 0 to 9",
            Self::Groups => "must have its digits in groups of three, as in 1,000, or in no groups at all",
            Self::Invisible => "contains an invisible character",
            Self::Other => "is not a whole number",
        }
    }
}

impl fmt::Display for IndexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, allowed } = self;
        match kind {
            IndexErrorKind::Empty => f.write_str("The index must not be empty.")?,
            IndexErrorKind::NotANumber { given, fault } => write!(f, "“{given}” {}.", fault.as_str())?,
            IndexErrorKind::Negative => f.write_str("The index must not be negative.")?,
            IndexErrorKind::Fraction => f.write_str("The index must not have a decimal point.")?,
            IndexErrorKind::TooLow => write!(f, "The index must not be below {}.", allowed.lowest)?,
            IndexErrorKind::TooHigh => {
                return write!(f, "The index must not exceed {}.", Thousands(allowed.highest));
            }
        }
        write!(f, " It must be a whole number from {allowed}.")
    }
}

impl Index {
    /// The highest index that can be represented.
    pub const MAX: Self = Self(i32::MAX.unsigned_abs());

    /// Returns the index as a number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Parses an index that a person or a program wrote. Surrounding blanks, leading zeros and digit grouping
    /// in threes are ignored.
    ///
    /// ```
    /// use protocol::{Index, IndexErrorKind, IndexRange};
    ///
    /// let allowed = IndexRange { lowest: Index::try_from(1)?, highest: Index::try_from(1_000_000)? };
    /// assert_eq!(Index::parse(" 007 ", allowed)?.get(), 7);
    /// assert_eq!(Index::parse("1,000,000", allowed)?.get(), 1_000_000);
    /// assert_eq!(Index::parse("-5", allowed).unwrap_err().kind, IndexErrorKind::Negative);
    /// assert_eq!(Index::parse("0", allowed).unwrap_err().kind, IndexErrorKind::TooLow);
    /// assert_eq!(Index::parse("1000001", allowed).unwrap_err().kind, IndexErrorKind::TooHigh);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Fails with an [`IndexError`] that says what is wrong and what is allowed.
    pub fn parse(text: &str, allowed: IndexRange) -> Result<Self, IndexError> {
        let index = Self::parse_for_lookup(text, allowed)?;
        allowed.check(index)?;
        Ok(index)
    }

    /// Like [`Index::parse`], for an index to look up, which may be outside `allowed`: it may have been
    /// submitted while another range was allowed, or adopted from an original system.
    ///
    /// # Errors
    /// Fails with an [`IndexError`] that says what is wrong and what is allowed.
    pub fn parse_for_lookup(text: &str, allowed: IndexRange) -> Result<Self, IndexError> {
        let text = text.trim_matches(is_blank);
        let kind = match ungrouped(text) {
            // It consists of digits, so parsing can fail only because the number is too large.
            Some(digits) => match digits.parse::<u32>().map(Self::try_from) {
                Ok(Ok(index)) => return Ok(index),
                _ => IndexErrorKind::TooHigh,
            },
            None => mistake(text),
        };
        Err(IndexError { kind, allowed })
    }

    /// Parses an index in its canonical form: decimal digits, no leading zero, at most
    /// [`Index::MAX`]. Returns `None` for anything else, such as the fields `007` or `3abc` in a hash
    /// that foreign programs write to.
    #[must_use]
    pub fn from_canonical(text: &str) -> Option<Self> {
        let canonical = text.bytes().all(|byte| byte.is_ascii_digit())
            && (text.len() == 1 || !text.starts_with('0'))
            && (1..=10).contains(&text.len());
        canonical.then(|| text.parse::<u32>().ok().and_then(|number| Self::try_from(number).ok())).flatten()
    }
}

impl fmt::Display for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<u32> for Index {
    type Error = &'static str;

    fn try_from(number: u32) -> Result<Self, Self::Error> {
        if number <= Self::MAX.0 { Ok(Self(number)) } else { Err("an index is at most 2147483647") }
    }
}

impl From<Index> for u32 {
    fn from(index: Index) -> Self {
        index.0
    }
}

impl From<Index> for i64 {
    fn from(index: Index) -> Self {
        Self::from(index.0)
    }
}

impl IndexRange {
    /// All indexes that can be represented.
    pub const ALL: Self = Self { lowest: Index(0), highest: Index::MAX };

    /// Returns whether `index` is allowed.
    #[must_use]
    pub fn allows(self, index: Index) -> bool {
        self.check(index).is_ok()
    }

    /// Checks that `index` is allowed.
    ///
    /// # Errors
    /// Fails if the index is too low or too high.
    pub fn check(self, index: Index) -> Result<(), IndexError> {
        if index < self.lowest {
            Err(IndexError { kind: IndexErrorKind::TooLow, allowed: self })
        } else if index > self.highest {
            Err(IndexError { kind: IndexErrorKind::TooHigh, allowed: self })
        } else {
            Ok(())
        }
    }
}

/// Displays both ends with thousands separators: `0 to 1,000,000`.
impl fmt::Display for IndexRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", Thousands(self.lowest), Thousands(self.highest))
    }
}

/// Displays an index with thousands separators: `1,000,000`.
struct Thousands(Index);

impl fmt::Display for Thousands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (position, digit) in digits.char_indices() {
            if position > 0 && (digits.len() - position).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{text::SEPARATORS, *};

    const UP_TO_A_MILLION: IndexRange = IndexRange { lowest: Index(0), highest: Index(1_000_000) };

    fn parse(text: &str) -> Result<u32, IndexError> {
        Index::parse(text, UP_TO_A_MILLION).map(Index::get)
    }

    #[test]
    fn surrounding_blanks_and_leading_zeros_are_ignored() {
        assert_eq!(parse("7"), Ok(7));
        assert_eq!(parse(" \t007\r\n"), Ok(7));
        assert_eq!(parse("000"), Ok(0));
        assert_eq!(parse(&"0".repeat(500)), Ok(0));
        assert_eq!(parse("1000000"), Ok(1_000_000));
    }

    #[test]
    fn invisible_characters_around_an_index_are_ignored() {
        for blank in [
            '\u{ad}', '\u{a0}', '\u{61c}', '\u{200b}', '\u{200d}', '\u{200e}', '\u{2009}', '\u{202e}',
            '\u{202f}', '\u{2060}', '\u{2068}', '\u{2800}', '\u{3000}', '\u{feff}',
        ] {
            assert_eq!(parse(&format!("{blank}7")), Ok(7), "{blank:?}");
            assert_eq!(parse(&format!("\u{feff}7 {blank}")), Ok(7), "{blank:?}");
            assert_eq!(parse(&format!("{blank}")).unwrap_err().kind, IndexErrorKind::Empty, "{blank:?}");
        }
    }

    #[test]
    fn digits_may_be_grouped_in_threes() {
        for separator in SEPARATORS {
            assert_eq!(parse(&format!("1{separator}000")), Ok(1_000), "{separator:?}");
            assert_eq!(parse(&format!("1{separator}000{separator}000")), Ok(1_000_000), "{separator:?}");
            assert_eq!(parse(&format!("007{separator}000")), Ok(7_000), "{separator:?}");
            for text in [
                format!("1{separator}00"),
                format!("1000{separator}000"),
                format!("1{separator}0000"),
                format!("1{separator}{separator}000"),
                format!("1{separator}000;000"),
            ] {
                assert!(parse(&text).is_err(), "{text:?}");
            }
        }
        for text in ["1,000 000", "7, 8", "7 8", ",000", "1,000,", "1.000.000", "1;000"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn each_kind_of_mistake_is_recognised() {
        let kind = |text| parse(text).unwrap_err().kind;
        assert_eq!(kind("  "), IndexErrorKind::Empty);
        for text in ["-5", "−5", "-1,000"] {
            assert_eq!(kind(text), IndexErrorKind::Negative, "{text}");
        }
        for text in ["5.9", "-5.9", "7.0", "1.000", "1,000.5"] {
            assert_eq!(kind(text), IndexErrorKind::Fraction, "{text}");
        }
        for (text, fault) in [
            ("+7", Fault::Sign),
            ("+1,000", Fault::Sign),
            ("1e3", Fault::Exponent),
            ("7E0", Fault::Exponent),
            ("1.5e+3", Fault::Exponent),
            ("７", Fault::OtherDigits),
            ("٧", Fault::OtherDigits),
            ("1²", Fault::OtherDigits),
            ("1,00", Fault::Groups),
            ("10,00,000", Fault::Groups),
            ("7,", Fault::Groups),
            ("3abc", Fault::Other),
            ("0x10", Fault::Other),
            ("--5", Fault::Other),
            ("-", Fault::Other),
            ("e3", Fault::Other),
            ("7, 8", Fault::Other),
            (",", Fault::Other),
        ] {
            assert_eq!(kind(text), IndexErrorKind::NotANumber { given: text.to_owned(), fault }, "{text}");
        }
        for text in ["1000001", "1,000,001", "2147483648", "4294967296", "99999999999999999999999"] {
            assert_eq!(kind(text), IndexErrorKind::TooHigh, "{text}");
        }
    }

    #[test]
    fn an_invisible_character_within_a_text_is_made_visible() {
        for (text, given) in [
            ("1\u{200b}0", "1⟨U+200B⟩0"),
            ("1\u{a0}0", "1⟨U+00A0⟩0"),
            ("7\u{0}", "7⟨U+0000⟩"),
            ("1\t0", "1⟨U+0009⟩0"),
            ("se\u{ad}ven", "se⟨U+00AD⟩ven"),
            ("7\u{fe0f}\u{20e3}", "7⟨U+FE0F⟩\u{20e3}"),
        ] {
            let expected = IndexErrorKind::NotANumber { given: given.to_owned(), fault: Fault::Invisible };
            assert_eq!(parse(text).unwrap_err().kind, expected, "{text:?}");
        }
    }

    #[test]
    fn a_message_says_what_is_wrong_and_what_is_allowed() {
        let message = |text| parse(text).unwrap_err().to_string();
        assert_eq!(message("1000001"), "The index must not exceed 1,000,000.");
        assert_eq!(
            message("1\u{200b}0"),
            "“1⟨U+200B⟩0” contains an invisible character. It must be a whole number from 0 to 1,000,000."
        );
        for text in ["", "seven", "-5", "5.9", "7.0", "1e3", "+7", "７", "1,00"] {
            assert!(message(text).ends_with("must be a whole number from 0 to 1,000,000."), "{text}");
        }
    }

    #[test]
    fn an_index_to_look_up_may_be_outside_the_allowed_range_and_a_mistake_names_that_range() {
        let lookup = |text| Index::parse_for_lookup(text, UP_TO_A_MILLION);
        assert_eq!(lookup("1,000,001").map(Index::get), Ok(1_000_001));
        assert_eq!(lookup("3000000000").unwrap_err().to_string(), "The index must not exceed 1,000,000.");
        assert_eq!(lookup("seven").unwrap_err().allowed, UP_TO_A_MILLION);
    }

    #[test]
    fn an_index_below_the_lowest_is_rejected_with_what_is_allowed() {
        let from_one = IndexRange { lowest: Index(1), ..UP_TO_A_MILLION };
        assert_eq!(Index::parse("1", from_one), Ok(Index(1)));
        let error = Index::parse("00", from_one).unwrap_err();
        assert_eq!(error.kind, IndexErrorKind::TooLow);
        assert_eq!(
            error.to_string(),
            "The index must not be below 1. It must be a whole number from 1 to 1,000,000."
        );
        assert!(!from_one.allows(Index(0)) && from_one.allows(Index(1_000_000)));
    }

    #[test]
    fn a_long_text_is_shortened_in_the_message() {
        let message = parse(&"x".repeat(100_000)).unwrap_err().to_string();
        assert!(message.chars().count() < 150, "{message}");
    }

    #[test]
    fn only_the_canonical_form_is_accepted_in_a_hash() {
        assert_eq!(Index::from_canonical("0").map(Index::get), Some(0));
        assert_eq!(Index::from_canonical("2147483647"), Some(Index::MAX));
        for text in ["", "007", "3abc", "-5", "5.9", "+1", " 7", "2147483648", "99999999999"] {
            assert_eq!(Index::from_canonical(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_displayed_index_can_be_parsed(number in 0_u32..=1_000_000) {
            prop_assert_eq!(parse(&number.to_string()), Ok(number));
            prop_assert_eq!(parse(&Thousands(Index(number)).to_string()), Ok(number));
        }

        #[test]
        fn no_text_causes_a_panic(text in ".*") {
            let _ = parse(&text);
            let _ = Index::from_canonical(&text);
        }
    }
}
