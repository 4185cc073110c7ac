//! Tests of indexes.

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
