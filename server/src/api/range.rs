//! The header `Range` (RFC 9110, section 14).

use std::ops::RangeInclusive;

/// Returns the satisfiable ranges of a text of `length` bytes, in ascending order; ranges that touch are joined.
///
/// Returns `None` if the header is not a valid set of byte ranges and must be ignored. An empty list means that no
/// range is satisfiable. The existing crates are not used because they reject a suffix longer than the text, and a set
/// of which only some ranges are satisfiable.
pub(super) fn parse(header: &str, length: u64) -> Option<Vec<RangeInclusive<u64>>> {
    let (unit, set) = header.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    // Empty elements of a list are allowed (section 5.6.1).
    let mut specs = set.split(',').map(str::trim).filter(|spec| !spec.is_empty()).peekable();
    specs.peek()?;
    let mut ranges = Vec::new();
    for spec in specs {
        let (first, last) = spec.split_once('-')?;
        let end = length.saturating_sub(1);
        let (start, end) = match (number(first)?, number(last)?) {
            (None, None) => return None,
            (None, Some(suffix)) => (if suffix == 0 { length } else { length.saturating_sub(suffix) }, end),
            (Some(start), None) => (start, end),
            (Some(start), Some(last)) if start > last => return None,
            (Some(start), Some(last)) => (start, last.min(end)),
        };
        if start < length {
            ranges.push(start..=end);
        }
    }
    ranges.sort_unstable_by_key(|range| *range.start());
    ranges.dedup_by(|next, range| {
        let touches = *next.start() <= range.end().saturating_add(1);
        if touches {
            *range = *range.start()..=*range.end().max(next.end());
        }
        touches
    });
    Some(ranges)
}

/// Parses one end of a range. Returns `Some(None)` if it is left out, and `None` if it is not a number.
fn number(digits: &str) -> Option<Option<u64>> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // A number that does not fit its type is beyond the end of any text.
    Some((!digits.is_empty()).then(|| digits.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_satisfiable_ranges_are_found() {
        for (header, expected) in [
            ("bytes=0-0", vec![0..=0]),
            ("bytes=5-", vec![5..=9]),
            ("bytes=-3", vec![7..=9]),
            ("bytes=-20", vec![0..=9]),
            ("bytes=8-99", vec![8..=9]),
            ("bytes=0-0,99-", vec![0..=0]),
            ("bytes=99-,-1", vec![9..=9]),
            ("bytes=0-1,4-5", vec![0..=1, 4..=5]),
            ("bytes=4-5,0-1", vec![0..=1, 4..=5]),
            ("bytes=0-4,2-3,5-6", vec![0..=6]),
            ("bytes=0-,-1", vec![0..=9]),
            ("bytes=007-0008", vec![7..=8]),
            ("bytes= 0-0 ,\t2-2", vec![0..=0, 2..=2]),
            ("bytes=,,1-1,", vec![1..=1]),
            ("BYTES=1-1", vec![1..=1]),
            ("bytes=0-99999999999999999999999", vec![0..=9]),
            ("bytes=-99999999999999999999999", vec![0..=9]),
            // Valid, but not satisfiable.
            ("bytes=10-", vec![]),
            ("bytes=10-20", vec![]),
            ("bytes=-0", vec![]),
            ("bytes=99999999999999999999999-", vec![]),
        ] {
            assert_eq!(parse(header, 10), Some(expected), "{header}");
        }
        for header in ["bytes=0-0", "bytes=-1", "bytes=0-"] {
            assert_eq!(parse(header, 0), Some(vec![]), "{header}");
        }
    }

    #[test]
    fn an_invalid_range_is_ignored() {
        for header in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=a-b",
            "bytes=5-2",
            "bytes=0-0,x",
            "bytes=1-2-3",
            "bytes=+1-2",
            "bytes=0x1-2",
            "bytes=1",
            "bytes=--1",
            "lines=0-0",
            "bytes 0-0",
            "bytes=0 - 1",
        ] {
            assert_eq!(parse(header, 10), None, "{header}");
        }
    }
}
