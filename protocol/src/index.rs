//! The index of a value, and the mistakes in a text that is not one.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The index of a value: a whole number from 0 to 2,147,483,647.
///
/// The upper end is that of the original system's `integer` column, which its clients still read
/// and write. The indexes that an installation computes are its [`IndexRange`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = u32, maximum = 2147483647, description = "A whole number from 0."))]
#[serde(try_from = "u32", into = "u32")]
pub struct Index(u32);

/// The indexes that an installation computes: from the lowest that its job has a value for to the
/// highest (setting `MAX_INDEX`).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct IndexRange {
    /// The lowest index allowed.
    pub lowest: Index,
    /// The highest index allowed.
    pub highest: Index,
}

/// Reason a text was rejected as an index, and what is allowed instead. Its text is for API clients and
/// logs; the page has its own words.
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
    /// It has letters, signs, or anything else that is not a decimal digit.
    NotANumber {
        /// The text, shortened.
        given: String,
    },
    /// It is below zero.
    Negative,
    /// It has a fraction.
    Fraction,
    /// It is below the lowest index.
    TooLow,
    /// It exceeds the highest index.
    TooHigh,
}

impl fmt::Display for IndexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, allowed } = self;
        match kind {
            IndexErrorKind::Empty => f.write_str("The index must not be empty.")?,
            IndexErrorKind::NotANumber { given } => {
                return write!(
                    f,
                    "“{given}” is not a whole number. The index must be a whole number from {allowed}."
                );
            }
            IndexErrorKind::Negative => f.write_str("The index must not be negative.")?,
            IndexErrorKind::Fraction => f.write_str("The index must not have a fraction.")?,
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

    /// Parses what a person or a program typed. Surrounding blanks and leading zeros are ignored.
    ///
    /// ```
    /// use protocol::{Index, IndexErrorKind, IndexRange};
    ///
    /// let allowed = IndexRange { lowest: Index::try_from(1)?, highest: Index::try_from(1_000_000)? };
    /// assert_eq!(Index::parse(" 007 ", allowed)?.get(), 7);
    /// assert_eq!(Index::parse("-5", allowed).unwrap_err().kind, IndexErrorKind::Negative);
    /// assert_eq!(Index::parse("0", allowed).unwrap_err().kind, IndexErrorKind::TooLow);
    /// assert_eq!(Index::parse("1000001", allowed).unwrap_err().kind, IndexErrorKind::TooHigh);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Fails with an [`IndexError`] that says what is wrong and what is allowed.
    pub fn parse(text: &str, allowed: IndexRange) -> Result<Self, IndexError> {
        let index = Self::parse_any(text.trim()).map_err(|kind| IndexError { kind, allowed })?;
        allowed.check(index)?;
        Ok(index)
    }

    fn parse_any(text: &str) -> Result<Self, IndexErrorKind> {
        if text.is_empty() {
            return Err(IndexErrorKind::Empty);
        }
        let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(text) {
            let unsigned = text.strip_prefix('-').unwrap_or(text);
            let is_fraction = unsigned
                .split_once('.')
                .is_some_and(|(whole, fraction)| is_digits(whole) && is_digits(fraction));
            return Err(if is_fraction {
                IndexErrorKind::Fraction
            } else if is_digits(unsigned) {
                IndexErrorKind::Negative
            } else {
                IndexErrorKind::NotANumber { given: shortened(text) }
            });
        }
        // It consists of digits, so parsing can fail only because the number is too large.
        text.parse().map_err(|_| IndexErrorKind::TooHigh)
    }

    /// Parses an index in its canonical form: decimal digits, no leading zero, at most
    /// [`Index::MAX`]. Returns `None` for anything else, such as the fields `007` or `3abc` in a hash
    /// that foreign programs write to.
    #[must_use]
    pub fn from_canonical(text: &str) -> Option<Self> {
        let canonical = text.bytes().all(|byte| byte.is_ascii_digit())
            && (text.len() == 1 || !text.starts_with('0'))
            && (1..=10).contains(&text.len());
        canonical.then(|| text.parse().ok()).flatten()
    }
}

fn shortened(text: &str) -> String {
    const SHOWN_CHARS: usize = 40;
    if text.chars().count() <= SHOWN_CHARS {
        return text.to_owned();
    }
    text.chars().take(SHOWN_CHARS).chain(['…']).collect()
}

impl fmt::Display for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Index {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<u32>().map_err(|_| "not an index").and_then(Self::try_from)
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
    /// The index is too low or too high.
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

    use super::*;

    const UP_TO_A_MILLION: IndexRange = IndexRange { lowest: Index(0), highest: Index(1_000_000) };

    fn parse(text: &str) -> Result<u32, IndexError> {
        Index::parse(text, UP_TO_A_MILLION).map(Index::get)
    }

    #[test]
    fn surrounding_blanks_and_leading_zeros_are_ignored() {
        assert_eq!(parse("7"), Ok(7));
        assert_eq!(parse(" \t007\n"), Ok(7));
        assert_eq!(parse("000"), Ok(0));
        assert_eq!(parse(&"0".repeat(500)), Ok(0));
        assert_eq!(parse("1000000"), Ok(1_000_000));
    }

    #[test]
    fn each_kind_of_mistake_is_recognised() {
        let kind = |text| parse(text).unwrap_err().kind;
        assert_eq!(kind("  "), IndexErrorKind::Empty);
        assert_eq!(kind("-5"), IndexErrorKind::Negative);
        assert_eq!(kind("5.9"), IndexErrorKind::Fraction);
        assert_eq!(kind("-5.9"), IndexErrorKind::Fraction);
        for text in ["3abc", "1e3", "+7", "７", "1,000", "0x10", "--5", "-"] {
            assert_eq!(kind(text), IndexErrorKind::NotANumber { given: text.to_owned() });
        }
        for text in ["1000001", "2147483648", "4294967296", "99999999999999999999999"] {
            assert_eq!(kind(text), IndexErrorKind::TooHigh, "{text}");
        }
    }

    #[test]
    fn a_message_says_what_is_allowed() {
        let message = |text| parse(text).unwrap_err().to_string();
        assert_eq!(message("1000001"), "The index must not exceed 1,000,000.");
        for text in ["", "seven", "-5", "5.9"] {
            assert!(message(text).ends_with("must be a whole number from 0 to 1,000,000."), "{text}");
        }
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
        }

        #[test]
        fn no_text_causes_a_panic(text in ".*") {
            let _ = parse(&text);
            let _ = Index::from_canonical(&text);
        }
    }
}
