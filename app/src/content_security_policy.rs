//! The Content-Security-Policy: what a page may load and run.

use base64::{Engine, engine::general_purpose::STANDARD};
use leptos::{config::LeptosOptions, config::ReloadWSProtocol};
use sha2::{Digest, Sha256};

/// The WebSocket through which `cargo leptos watch` makes the page reload.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ReloadSocket {
    /// `ws` or `wss`.
    pub(crate) scheme: &'static str,
    /// Its port, on the host of the page.
    pub(crate) port: u32,
}

impl ReloadSocket {
    /// Returns the address that the reload script uses, or `None` unless `LEPTOS_WATCH` is set.
    pub(crate) fn from_options(options: &LeptosOptions) -> Option<Self> {
        std::env::var_os("LEPTOS_WATCH")?;
        let scheme = match options.reload_ws_protocol {
            ReloadWSProtocol::WS => "ws",
            ReloadWSProtocol::WSS => "wss",
        };
        Some(Self { scheme, port: options.reload_external_port.unwrap_or(options.reload_port) })
    }
}

/// Inline scripts that Leptos adds to the end of every page.
const OF_LEPTOS: [&str; 2] = [
    "__RESOLVED_RESOURCES=[];__SERIALIZED_ERRORS=[];__PENDING_RESOURCES=[];__RESOURCE_RESOLVERS=[];",
    "__INCOMPLETE_CHUNKS=[];",
];

/// Returns the policy of a page: only resources of this site, no inline script but those in `scripts` and Leptos's own,
/// no inline style, no frames. WebAssembly must be allowed explicitly.
///
/// Inline scripts are allowed by their hashes, not by a nonce, so that the page can be cached: a nonce may be used only
/// once.
pub(crate) fn content_security_policy(scripts: &str, reload: Option<&ReloadSocket>) -> String {
    let hashes: String = inline_scripts(scripts)
        .chain(OF_LEPTOS)
        .map(|script| format!(" 'sha256-{}'", STANDARD.encode(Sha256::digest(script))))
        .collect();
    let reload =
        reload.map_or_else(String::new, |ReloadSocket { scheme, port }| format!(" {scheme}://*:{port}"));
    [
        "default-src 'none'".to_owned(),
        format!("script-src 'self'{hashes} 'wasm-unsafe-eval'"),
        "style-src 'self'".to_owned(),
        "img-src 'self' data:".to_owned(),
        "font-src 'self'".to_owned(),
        format!("connect-src 'self'{reload}"),
        "manifest-src 'self'".to_owned(),
        "form-action 'self'".to_owned(),
        "base-uri 'none'".to_owned(),
        "frame-ancestors 'none'".to_owned(),
    ]
    .join("; ")
}

/// Returns the contents of the `<script>` elements in a piece of HTML.
fn inline_scripts(html: &str) -> impl Iterator<Item = &str> {
    let elements = html.split("<script").skip(1);
    let contents = elements.filter_map(|element| element.split_once('>')?.1.split_once("</script>"));
    contents.map(|(content, _)| content).filter(|content| !content.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_scripts_are_found() {
        let html = "<link rel=\"a\"><script type=\"module\">a > b</script><script src=\"c\"></script><script>d</script>";
        assert_eq!(inline_scripts(html).collect::<Vec<_>>(), ["a > b", "d"]);
    }

    #[test]
    fn only_own_scripts_run_and_the_reload_socket_is_allowed_only_under_watch() {
        let policy = content_security_policy("<script>abc</script>", None);
        let hash = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
        assert!(policy.contains(&format!("script-src 'self' 'sha256-{hash}' 'sha256-")), "{policy}");
        assert_eq!(policy.matches("'sha256-").count(), 1 + OF_LEPTOS.len(), "{policy}");
        assert!(policy.contains("connect-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe-inline") && !policy.contains("ws"), "{policy}");
        let reload = ReloadSocket { scheme: "ws", port: 3001 };
        let policy = content_security_policy("", Some(&reload));
        assert!(policy.contains("connect-src 'self' ws://*:3001;"), "{policy}");
    }
}
