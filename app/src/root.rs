//! Addresses on this site. If a proxy in front serves the site under a prefix, they begin with it.

use protocol::names;

/// Returns the address of a page or a file, from its path on the site.
pub(crate) fn address(path: &str) -> String {
    format!("{}{path}", prefix())
}

/// Returns the address of a route of the API.
pub(crate) fn api_address(route: &str) -> String {
    address(&format!("{}{route}", names::API_PREFIX))
}

/// Returns the prefix, without a slash at its end, or an empty string. The server reads it from the request.
#[cfg(feature = "ssr")]
pub(crate) fn prefix() -> String {
    let parts = leptos::prelude::use_context::<axum::http::request::Parts>();
    parts.map_or_else(String::new, |parts| forwarded_prefix(&parts.headers).to_owned())
}

/// Returns the prefix, without a slash at its end, or an empty string. The browser reads it from the document.
#[cfg(not(feature = "ssr"))]
fn prefix() -> String {
    let document = leptos::prelude::document().document_element();
    document.and_then(|document| document.get_attribute("data-prefix")).unwrap_or_default()
}

/// Returns the prefix that a proxy removed from the path, or an empty string. The sender need not be trusted, because
/// the prefix appears only in the response to the same request. But it must be a path, so that no address leads to
/// another host.
#[cfg(feature = "ssr")]
#[must_use]
pub fn forwarded_prefix(headers: &axum::http::HeaderMap) -> &str {
    const LONGEST: usize = 200;
    let prefix =
        headers.get("x-forwarded-prefix").and_then(|prefix| prefix.to_str().ok()).unwrap_or_default();
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    let of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(of_name) && name != "." && name != "..";
    let names = prefix.strip_prefix('/').map(|names| names.split('/').all(is_name));
    if prefix.len() <= LONGEST && names == Some(true) { prefix } else { "" }
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use axum::http::HeaderMap;

    use super::*;

    #[test]
    fn a_prefix_is_a_path_and_cannot_lead_to_another_host() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-prefix", text.parse().unwrap());
            forwarded_prefix(&headers).to_owned()
        };
        for (text, expected) in [("/fib", "/fib"), ("/fib/", "/fib"), ("/a/b-c.d~e", "/a/b-c.d~e"), ("/", "")]
        {
            assert_eq!(read(text), expected, "{text}");
        }
        let long = format!("/{}", "a".repeat(200));
        for text in [
            "fib",
            "//evil.example",
            "/..",
            "/a//b",
            "/a\"b",
            "/<b>",
            "https://evil.example",
            "/a, /b",
            &long,
        ] {
            assert_eq!(read(text), "", "{text}");
        }
        assert_eq!(forwarded_prefix(&HeaderMap::new()), "");
    }
}
