//! The address of a local port for a browser: on this machine, or forwarded by a cloud workspace.

use anyhow::{Context, Result};

/// Returns the address of a local port. `variable` reads the environment, in which Codespaces and Ona (Gitpod) describe
/// how they forward ports.
pub(crate) fn public_url(port: u16, variable: impl Fn(&str) -> Option<String>) -> String {
    let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    if variable("CODESPACES").as_deref() == Some("true")
        && let Some(name) = variable("CODESPACE_NAME")
    {
        let domain = variable("GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN");
        return format!("https://{name}-{port}.{}", domain.as_deref().unwrap_or("app.github.dev"));
    }
    if let Some(url) = variable("GITPOD_WORKSPACE_URL")
        && let Some((scheme, host)) = url.trim_end_matches('/').split_once("://")
    {
        return format!("{scheme}://{port}-{host}");
    }
    format!("http://localhost:{port}")
}

/// Returns the scheme and port of a WebSocket to the host of the page at `url`.
pub(crate) fn websocket(url: &str) -> Result<(&'static str, u16)> {
    let wrong =
        || format!("PUBLIC_URL is {url}, but must be an address such as https://name-3050.example.org");
    let (scheme, rest) = url.split_once("://").with_context(wrong)?;
    let (scheme, usual) = match scheme {
        "http" => ("ws", 80),
        "https" => ("wss", 443),
        _ => return Err(anyhow::anyhow!(wrong())),
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // An IPv6 address contains colons itself, in brackets.
    let port = match host.rsplit_once(':') {
        Some((_, port)) if !port.contains(']') => port.parse().ok().with_context(wrong)?,
        _ => usual,
    };
    anyhow::ensure!(!host.is_empty(), wrong());
    Ok((scheme, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(variables: &[(&str, &str)]) -> String {
        public_url(3050, |name| {
            variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn without_a_workspace_the_address_is_localhost() {
        assert_eq!(url(&[]), "http://localhost:3050");
        // Compose passes unset variables as empty ones.
        assert_eq!(url(&[("CODESPACES", ""), ("GITPOD_WORKSPACE_URL", "")]), "http://localhost:3050");
        // A name alone is not enough.
        assert_eq!(url(&[("CODESPACE_NAME", "left-over")]), "http://localhost:3050");
    }

    #[test]
    fn codespaces_puts_the_port_after_the_name() {
        let codespace = [("CODESPACES", "true"), ("CODESPACE_NAME", "fluffy-disco")];
        assert_eq!(url(&codespace), "https://fluffy-disco-3050.app.github.dev");
        let elsewhere = [&codespace[..], &[("GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN", "example.dev")]];
        assert_eq!(url(&elsewhere.concat()), "https://fluffy-disco-3050.example.dev");
    }

    #[test]
    fn ona_puts_the_port_before_the_name() {
        for given in ["https://me-app-abc.ws-eu1.gitpod.io", "https://me-app-abc.ws-eu1.gitpod.io/"] {
            assert_eq!(url(&[("GITPOD_WORKSPACE_URL", given)]), "https://3050-me-app-abc.ws-eu1.gitpod.io");
        }
    }

    #[test]
    fn the_websocket_has_the_pages_security_and_port() {
        for (url, expected) in [
            ("http://localhost:3050", ("ws", 3050)),
            ("http://[::1]", ("ws", 80)),
            ("http://[::1]:3050/", ("ws", 3050)),
            ("https://name-3050.app.github.dev", ("wss", 443)),
            ("https://example.org:8443/path?a=b:c", ("wss", 8443)),
        ] {
            assert_eq!(websocket(url).unwrap(), expected, "{url}");
        }
        for wrong in ["name-3050.app.github.dev", "ftp://example.org", "https://", "https://example.org:many"]
        {
            let error = websocket(wrong).unwrap_err().to_string();
            assert!(error.contains("PUBLIC_URL") && error.contains(wrong), "{error}");
        }
    }
}
