//! Sources of values: the environment, the caller, and the ports that a cloud workspace forwards.

use std::collections::{BTreeMap, BTreeSet};

use super::stack::Stack;
use crate::{progress::say, project, public_url};

type Values = BTreeMap<String, String>;

/// Finds the values that differ from the template: those of the environment, then `more`.
pub(super) fn find(stack: Stack, names: &BTreeSet<&str>, more: Vec<(String, String)>) -> Values {
    let mut values: Values =
        names.iter().filter_map(|name| Some(((*name).to_owned(), project::variable(name)?))).collect();
    match stack {
        Stack::Development => add_public_url(&mut values, project::variable),
        Stack::Production => add(&mut values, more),
    }
    values
}

/// Adds values for the database and for Redis, unless one is configured already: settings of two of them must not be
/// mixed.
fn add(values: &mut Values, more: Vec<(String, String)>) {
    let has = |names: &[&str]| names.iter().any(|name| values.contains_key(*name));
    let has_database = has(&["PGHOST", "CONNECTION_URL", "CONNECTION_URL_FILE"]);
    let has_redis = has(&["REDIS_HOST"]);
    let more =
        more.into_iter().filter(|(name, _)| !(if name.starts_with("PG") { has_database } else { has_redis }));
    values.extend(more);
}

/// Adds the addresses at which a browser finds the page and hot reload's WebSocket.
fn add_public_url(values: &mut Values, variable: impl Fn(&str) -> Option<String>) {
    let port = values.get("PORT").and_then(|port| port.parse().ok()).unwrap_or(3050);
    let url = values.get("PUBLIC_URL").cloned().unwrap_or_else(|| public_url::public_url(port, variable));
    match public_url::websocket(&url) {
        Ok((protocol, port)) => {
            let found = [
                ("PUBLIC_URL", url),
                ("RELOAD_WS_PROTOCOL", protocol.to_owned()),
                ("RELOAD_EXTERNAL_PORT", port.to_string()),
            ];
            for (name, value) in found {
                values.entry(name.to_owned()).or_insert(value);
            }
        }
        Err(error) => say(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_environments_database_is_not_mixed_with_another_one() {
        let own = ("CONNECTION_URL", "postgres://db");
        let mut filled = values(&[own]);
        let addresses = values(&[("PGHOST", "rds"), ("REDIS_HOST", "board"), ("REDIS_TLS", "true")]);
        add(&mut filled, addresses.into_iter().collect());
        assert_eq!(filled, values(&[own, ("REDIS_HOST", "board"), ("REDIS_TLS", "true")]));
    }

    #[test]
    fn a_workspace_forwards_the_page_and_its_websocket() {
        let workspace =
            |name: &str| (name == "GITPOD_WORKSPACE_URL").then(|| "https://me.gitpod.io".to_owned());
        let mut filled = values(&[("PORT", "8080")]);
        add_public_url(&mut filled, workspace);
        let expected = [
            ("PORT", "8080"),
            ("PUBLIC_URL", "https://8080-me.gitpod.io"),
            ("RELOAD_WS_PROTOCOL", "wss"),
            ("RELOAD_EXTERNAL_PORT", "443"),
        ];
        assert_eq!(filled, values(&expected));
        let mut filled = Values::new();
        add_public_url(&mut filled, |_| None);
        assert_eq!(filled["RELOAD_EXTERNAL_PORT"], "3050");
    }
}
