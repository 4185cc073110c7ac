//! Where the values come from: the environment, a system on AWS, the ports that a cloud workspace forwards.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
};

use anyhow::Result;

use super::Stack;
use crate::{aws, cloudformation, progress::say, public_url};

/// Outputs of the data stack, and what they are here. Passwords are none of them: they stay where they are kept.
const OUTPUTS: [(&str, &str); 6] = [
    ("DatabaseHost", "PGHOST"),
    ("DatabasePort", "PGPORT"),
    ("DatabaseName", "PGDATABASE"),
    ("DatabaseUser", "PGUSER"),
    ("BoardHost", "REDIS_HOST"),
    ("BoardPort", "REDIS_PORT"),
];

type Values = BTreeMap<String, String>;

/// The values of these variables that are not the template's.
pub(super) fn find(stack: Stack, system: &str, names: &BTreeSet<&str>) -> Values {
    let variable = |name: &str| env::var(name).ok().filter(|value| !value.trim().is_empty());
    let mut values: Values =
        names.iter().filter_map(|name| Some(((*name).to_owned(), variable(name)?))).collect();
    match stack {
        Stack::Development => add_public_url(&mut values, variable),
        Stack::Production => match outputs(system) {
            Ok(outputs) if outputs.is_empty() => {}
            Ok(outputs) => {
                say(format!("with the addresses of {system} on AWS, and without its passwords"));
                add_outputs(&mut values, &outputs);
            }
            Err(error) => {
                say(format!("without AWS ({})", error.to_string().lines().next().unwrap_or_default()));
            }
        },
    }
    values
}

fn outputs(system: &str) -> Result<Values> {
    aws::account()?;
    cloudformation::Stack::new(system, "data.yaml").outputs()
}

/// A database that the environment names is not mixed with another one's settings; nor is Redis.
fn add_outputs(values: &mut Values, outputs: &Values) {
    let has = |names: &[&str]| names.iter().any(|name| values.contains_key(*name));
    let database = !has(&["PGHOST", "CONNECTION_URL", "CONNECTION_URL_FILE"]);
    let board = !has(&["REDIS_HOST"]);
    let fixed =
        [("PGSSLMODE", "verify-full"), ("PGSSLROOTCERT", "/etc/ssl/certs/rds.pem"), ("REDIS_TLS", "true")];
    let told = OUTPUTS.iter().filter_map(|(output, name)| Some((*name, outputs.get(*output)?.as_str())));
    let new: Vec<_> = told
        .chain(fixed)
        .filter(|(name, _)| if name.starts_with("PG") { database } else { board })
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    values.extend(new);
}

/// Where a browser finds the page, and with it hot reload's websocket.
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
    fn a_system_on_aws_gives_its_addresses() {
        let outputs = [("DatabaseHost", "db"), ("BoardHost", "board"), ("DatabaseSecret", "arn:…")];
        let tls = [
            ("PGSSLMODE", "verify-full"),
            ("PGSSLROOTCERT", "/etc/ssl/certs/rds.pem"),
            ("REDIS_TLS", "true"),
        ];
        let mut filled = Values::new();
        add_outputs(&mut filled, &values(&outputs));
        assert_eq!(filled, values(&[&[("PGHOST", "db"), ("REDIS_HOST", "board")], &tls[..]].concat()));
    }

    #[test]
    fn the_environments_database_is_not_mixed_with_aws() {
        let own = [("CONNECTION_URL", "postgres://db")];
        let mut filled = values(&own);
        add_outputs(&mut filled, &values(&[("DatabaseHost", "rds"), ("BoardHost", "board")]));
        assert_eq!(filled, values(&[own[0], ("REDIS_HOST", "board"), ("REDIS_TLS", "true")]));
    }

    #[test]
    fn in_a_workspace_the_page_and_its_websocket_are_where_the_port_is_forwarded() {
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
