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
mod tests;
