//! The Content-Security-Policy: what a page may load and run.

use leptos::{config::LeptosOptions, config::ReloadWSProtocol};

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

/// Returns the policy of a page whose scripts carry `nonce`: only resources of this site, no inline
/// script without the nonce, no inline style, no frames. WebAssembly must be allowed explicitly.
pub(crate) fn content_security_policy(nonce: &str, reload: Option<&ReloadSocket>) -> String {
    let reload =
        reload.map_or_else(String::new, |ReloadSocket { scheme, port }| format!(" {scheme}://*:{port}"));
    [
        "default-src 'none'".to_owned(),
        format!("script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_scripts_run_and_the_reload_socket_is_allowed_only_under_watch() {
        let policy = content_security_policy("abc", None);
        assert!(policy.contains("script-src 'self' 'nonce-abc' 'wasm-unsafe-eval';"), "{policy}");
        assert!(policy.contains("connect-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe-inline") && !policy.contains("ws"), "{policy}");
        let reload = ReloadSocket { scheme: "ws", port: 3001 };
        let policy = content_security_policy("abc", Some(&reload));
        assert!(policy.contains("connect-src 'self' ws://*:3001;"), "{policy}");
    }
}
