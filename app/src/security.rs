//! What a page may load and run.

use leptos::{config::LeptosOptions, config::ReloadWSProtocol};

/// Where `cargo leptos watch` tells the page to reload.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reload {
    /// `ws` or `wss`.
    pub scheme: &'static str,
    /// The port of the websocket, on the host of the page.
    pub port: u32,
}

impl Reload {
    /// As the page's own script finds it; none unless `LEPTOS_WATCH` is set.
    #[must_use]
    pub fn watching(options: &LeptosOptions) -> Option<Self> {
        std::env::var_os("LEPTOS_WATCH")?;
        let scheme = match options.reload_ws_protocol {
            ReloadWSProtocol::WS => "ws",
            ReloadWSProtocol::WSS => "wss",
        };
        Some(Self { scheme, port: options.reload_external_port.unwrap_or(options.reload_port) })
    }
}

/// The Content-Security-Policy of a page whose scripts carry `nonce`: nothing but our own, no inline
/// script without the nonce, no inline style, no frames. WebAssembly has to be allowed by name.
#[must_use]
pub fn content_security_policy(nonce: &str, reload: Option<&Reload>) -> String {
    let reload = reload.map_or_else(String::new, |Reload { scheme, port }| format!(" {scheme}://*:{port}"));
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
    fn only_our_own_scripts_run_and_the_reload_socket_opens_only_when_watched() {
        let policy = content_security_policy("abc", None);
        assert!(policy.contains("script-src 'self' 'nonce-abc' 'wasm-unsafe-eval';"), "{policy}");
        assert!(policy.contains("connect-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe-inline") && !policy.contains("ws"), "{policy}");
        let reload = Reload { scheme: "ws", port: 3001 };
        let policy = content_security_policy("abc", Some(&reload));
        assert!(policy.contains("connect-src 'self' ws://*:3001;"), "{policy}");
    }
}
