//! Entity tags in conditional requests (RFC 9110, section 13.1). The crate `headers` is not used because malformed
//! tags make it panic in a debug build.

use axum::http::{HeaderMap, HeaderName};

/// Strong comparison requires both tags to be strong; weak comparison ignores that (section 8.8.3.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Comparison {
    Strong,
    Weak,
}

/// Returns true if the header lists `etag`, a strong tag in quotes, or is `*`. Returns `None` if there is no such
/// header. Everything after a malformed tag is ignored.
pub(crate) fn lists(
    headers: &HeaderMap,
    name: HeaderName,
    etag: &str,
    comparison: Comparison,
) -> Option<bool> {
    let mut lines = headers.get_all(name).iter().peekable();
    lines.peek()?;
    Some(lines.any(|line| line.to_str().is_ok_and(|line| line_lists(line, etag, comparison))))
}

fn line_lists(line: &str, etag: &str, comparison: Comparison) -> bool {
    if line.trim() == "*" {
        return true;
    }
    let mut rest = line.trim_start_matches([' ', '\t', ',']);
    while let Some((is_weak, tag, after)) = first_tag(rest) {
        if tag == etag && !(is_weak && comparison == Comparison::Strong) {
            return true;
        }
        rest = after.trim_start_matches([' ', '\t', ',']);
    }
    false
}

/// Splits off the first tag, with its quotes.
fn first_tag(text: &str) -> Option<(bool, &str, &str)> {
    let (is_weak, text) = text.strip_prefix("W/").map_or((false, text), |text| (true, text));
    let inner = text.strip_prefix('"')?;
    let (tag, after) = text.split_at(inner.find('"')? + 2);
    Some((is_weak, tag, after))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, header};

    use super::*;

    fn listed(lines: &[&'static str], comparison: Comparison) -> Option<bool> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::IF_MATCH, HeaderValue::from_static(line));
        }
        lists(&headers, header::IF_MATCH, "\"7-2\"", comparison)
    }

    #[test]
    fn a_tag_is_found_in_a_list() {
        for line in
            ["\"7-2\"", "*", " * ", "\"a\",\"7-2\"", "\"a, b\" , \"7-2\"", ",,\"7-2\",", "W/\"a\" \"7-2\""]
        {
            assert_eq!(listed(&[line], Comparison::Strong), Some(true), "{line}");
        }
        assert_eq!(listed(&["\"a\"", "\"7-2\""], Comparison::Strong), Some(true));
        for line in
            ["", "7-2", "\"7-2", "\"a\"", "\"*\"", "w/\"7-2\"", "\"x\"7-2\"", "\"\"", "W/", "\"", "*,*"]
        {
            assert_eq!(listed(&[line], Comparison::Weak), Some(false), "{line}");
        }
        assert_eq!(listed(&[], Comparison::Weak), None);
    }

    #[test]
    fn a_weak_tag_is_equal_only_in_weak_comparison() {
        assert_eq!(listed(&["W/\"7-2\""], Comparison::Weak), Some(true));
        assert_eq!(listed(&["W/\"7-2\""], Comparison::Strong), Some(false));
    }
}
