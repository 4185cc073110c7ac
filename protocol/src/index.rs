//! The index a visitor submits.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// An index n of the Fibonacci sequence: a whole number from 0 to 2,147,483,647.
///
/// The upper end is that of the original system's `integer` column, which its clients still read
/// and write. What one installation is willing to compute is its [`MaxIndex`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = u32, maximum = 2147483647, description = "A whole number from 0."))]
#[serde(try_from = "u32", into = "u32")]
pub struct Index(u32);

/// The highest index an installation computes (setting `MAX_INDEX`).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct MaxIndex(Index);

/// Why a text is no index, in words for the person who typed it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum IndexError {
    /// Nothing but blanks.
    #[error("Enter an index: a whole number from 0 to {max}.")]
    Empty {
        /// What is allowed.
        max: MaxIndex,
    },
    /// Letters, signs, or anything else that is no decimal digit.
    #[error("“{given}” is not a whole number. Enter one from 0 to {max}.")]
    NotANumber {
        /// What was given, shortened.
        given: String,
        /// What is allowed.
        max: MaxIndex,
    },
    /// A number below zero.
    #[error("An index can’t be negative. Enter a whole number from 0 to {max}.")]
    Negative {
        /// What is allowed.
        max: MaxIndex,
    },
    /// A number with a fraction.
    #[error("An index can’t have a fraction. Enter a whole number from 0 to {max}.")]
    Fraction {
        /// What is allowed.
        max: MaxIndex,
    },
    /// Above what this installation computes.
    #[error("The highest index computed here is {max}.")]
    TooHigh {
        /// What is allowed.
        max: MaxIndex,
    },
}

impl Index {
    /// The highest index that can be written down at all.
    pub const MAX: Self = Self(i32::MAX.unsigned_abs());

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Reads what a person or a program typed. Blanks around it and leading zeros are normalised.
    ///
    /// ```
    /// use protocol::{Index, IndexError, MaxIndex};
    ///
    /// let max = MaxIndex::new(Index::try_from(1_000_000)?);
    /// assert_eq!(Index::parse(" 007 ", max)?.get(), 7);
    /// assert!(matches!(Index::parse("-5", max), Err(IndexError::Negative { .. })));
    /// assert!(matches!(Index::parse("1000001", max), Err(IndexError::TooHigh { .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// An [`IndexError`] that says what was wrong and what is allowed.
    pub fn parse(text: &str, max: MaxIndex) -> Result<Self, IndexError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(IndexError::Empty { max });
        }
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(text) {
            let unsigned = text.strip_prefix('-').unwrap_or(text);
            let fraction =
                unsigned.split_once('.').is_some_and(|(whole, fraction)| digits(whole) && digits(fraction));
            return Err(if fraction {
                IndexError::Fraction { max }
            } else if digits(unsigned) {
                IndexError::Negative { max }
            } else {
                IndexError::NotANumber { given: shortened(text), max }
            });
        }
        let significant = text.trim_start_matches('0');
        // Ten digits hold every index; more can only be too high, however many there are.
        let number = match significant.len() {
            0 => 0,
            1..=10 => significant.parse::<u64>().map_err(|_| IndexError::TooHigh { max })?,
            _ => return Err(IndexError::TooHigh { max }),
        };
        match u32::try_from(number).ok().map(Self) {
            Some(index) if max.allows(index) => Ok(index),
            _ => Err(IndexError::TooHigh { max }),
        }
    }

    /// Reads an index written the one canonical way: decimal digits, no leading zero, at most
    /// [`Index::MAX`]. Anything else is none: fields such as `007` or `3abc` in a foreign hash.
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

impl MaxIndex {
    /// Allows indexes up to and including `highest`.
    #[must_use]
    pub const fn new(highest: Index) -> Self {
        Self(highest)
    }

    /// The highest index allowed.
    #[must_use]
    pub const fn get(self) -> Index {
        self.0
    }

    /// Is `index` within what is computed here?
    #[must_use]
    pub fn allows(self, index: Index) -> bool {
        index <= self.0
    }
}

impl Default for MaxIndex {
    fn default() -> Self {
        Self(Index(1_000_000))
    }
}

/// With thousands separated, as people read it: `1,000,000`.
impl fmt::Display for MaxIndex {
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

    fn parse(text: &str) -> Result<u32, IndexError> {
        Index::parse(text, MaxIndex::default()).map(Index::get)
    }

    #[test]
    fn blanks_and_leading_zeros_are_normalised() {
        assert_eq!(parse("7"), Ok(7));
        assert_eq!(parse(" \t007\n"), Ok(7));
        assert_eq!(parse("000"), Ok(0));
        assert_eq!(parse(&"0".repeat(500)), Ok(0));
        assert_eq!(parse("1000000"), Ok(1_000_000));
    }

    #[test]
    fn each_kind_of_mistake_has_its_own_message() {
        let max = MaxIndex::default();
        assert_eq!(parse("  "), Err(IndexError::Empty { max }));
        assert_eq!(parse("-5"), Err(IndexError::Negative { max }));
        assert_eq!(parse("5.9"), Err(IndexError::Fraction { max }));
        assert_eq!(parse("-5.9"), Err(IndexError::Fraction { max }));
        for text in ["3abc", "1e3", "+7", "７", "1,000", "0x10", "--5", "-"] {
            assert!(matches!(parse(text), Err(IndexError::NotANumber { .. })), "{text}");
        }
        for text in ["1000001", "2147483648", "4294967296", "99999999999999999999999"] {
            assert_eq!(parse(text), Err(IndexError::TooHigh { max }), "{text}");
        }
        assert_eq!(IndexError::TooHigh { max }.to_string(), "The highest index computed here is 1,000,000.");
    }

    #[test]
    fn a_long_mistake_is_shortened_in_its_message() {
        let message = parse(&"x".repeat(100_000)).unwrap_err().to_string();
        assert!(message.chars().count() < 150, "{message}");
    }

    #[test]
    fn only_the_canonical_form_counts_in_a_hash() {
        assert_eq!(Index::from_canonical("0").map(Index::get), Some(0));
        assert_eq!(Index::from_canonical("2147483647"), Some(Index::MAX));
        for text in ["", "007", "3abc", "-5", "5.9", "+1", " 7", "2147483648", "99999999999"] {
            assert_eq!(Index::from_canonical(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_displayed_is_read_back(number in 0_u32..=1_000_000) {
            prop_assert_eq!(parse(&number.to_string()), Ok(number));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = parse(&text);
            let _ = Index::from_canonical(&text);
        }
    }
}
