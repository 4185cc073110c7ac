//! The database that the settings name, and its credentials.

use std::{collections::BTreeMap, env, fs, path::Path, process::Command};

use anyhow::{Context, Result, bail};

use super::{action::Name, url::Parts};
use crate::{dotenv, project, run::forget_other_servers};

const FILE: &str = "compose/.env";

const VARIABLES: [&str; 10] = [
    "PGHOST",
    "PGPORT",
    "PGUSER",
    "PGDATABASE",
    "PGPASSWORD",
    "PGPASSWORD_FILE",
    "PGSSLMODE",
    "PGSSLROOTCERT",
    "CONNECTION_URL",
    "CONNECTION_URL_FILE",
];

/// Settings of a database, in the variables that a server reads.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    variables: BTreeMap<String, String>,
    /// Source of the settings, for messages.
    pub(super) place: &'static str,
}

impl Settings {
    /// Reads the settings from the environment, or otherwise from the production stack's file, but never some from
    /// each: that could combine one database with another one's password.
    pub(super) fn find() -> Result<Self> {
        let environment = env::vars_os().filter_map(|(name, value)| {
            // A variable that is not UTF-8 is none of these settings.
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let file = dotenv::read(&project::root().join(FILE))?;
        let sources = [("the environment", environment.collect()), (FILE, file)];
        sources.into_iter().find_map(|(place, variables)| Self::of(place, variables)).with_context(|| {
            format!(
                "neither the environment nor {FILE} names a database: set PGHOST, PGPORT, PGUSER, PGDATABASE and \
                 PGPASSWORD (or PGPASSWORD_FILE), or CONNECTION_URL. `cargo xtask env generate production` writes \
                 {FILE}. For the self-hosted stack's database, use cargo xtask stack backup|restore; for one on AWS, \
                 --deployed"
            )
        })
    }

    fn of(place: &'static str, variables: Vec<(String, String)>) -> Option<Self> {
        let variables: BTreeMap<_, _> = variables
            .into_iter()
            .filter(|(name, value)| VARIABLES.contains(&name.as_str()) && !value.trim().is_empty())
            .collect();
        let names_one = ["PGHOST", "CONNECTION_URL", "CONNECTION_URL_FILE"];
        names_one.iter().any(|name| variables.contains_key(*name)).then_some(Self { variables, place })
    }

    #[cfg(test)]
    pub(super) fn for_test(pairs: &[(&str, &str)]) -> Option<Self> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self::of("a test", pairs.iter().map(owned).collect())
    }

    /// Passes only these settings to a server.
    pub(super) fn pass_to(&self, server: &mut Command) {
        forget_other_servers(server).envs(&self.variables);
    }

    /// Interprets the settings as a server does.
    pub(super) fn access(&self) -> Result<Access> {
        let get = |name: &str| self.variables.get(name).cloned();
        let parts = match self.secret("CONNECTION_URL")? {
            Some(_) if self.variables.contains_key("PGHOST") => {
                bail!("CONNECTION_URL and PGHOST are both set: set one of them")
            }
            Some(url) => Parts::parse(&url)?,
            None => Parts {
                user: get("PGUSER"),
                password: self.secret("PGPASSWORD")?,
                host: get("PGHOST"),
                port: get("PGPORT"),
                database: get("PGDATABASE"),
                ..Parts::default()
            },
        };
        let user = parts.user.unwrap_or_else(|| "postgres".to_owned());
        Ok(Access {
            host: parts.host.unwrap_or_else(|| "localhost".to_owned()),
            port: parts.port.unwrap_or_else(|| "5432".to_owned()),
            database: parts.database.unwrap_or_else(|| user.clone()),
            user,
            password: parts.password,
            ssl_mode: get("PGSSLMODE").or(parts.ssl_mode),
            ssl_root_cert: get("PGSSLROOTCERT").or(parts.ssl_root_cert),
        })
    }

    fn secret(&self, name: &str) -> Result<Option<String>> {
        let file = self.variables.get(&format!("{name}_FILE"));
        match (self.variables.get(name), file) {
            (Some(_), Some(_)) => bail!("{name} and {name}_FILE are both set: set one of them"),
            (Some(secret), None) => Ok(Some(secret.clone())),
            (None, None) => Ok(None),
            (None, Some(file)) => {
                let secret = fs::read_to_string(file)
                    .with_context(|| format!("{name}_FILE names {file}, which cannot be read"))?;
                Ok(Some(secret.trim_end_matches(['\r', '\n']).to_owned()))
            }
        }
    }
}

/// A database with its credentials.
#[derive(Clone)]
pub(super) struct Access {
    host: String,
    port: String,
    user: String,
    pub(super) database: String,
    password: Option<String>,
    ssl_mode: Option<String>,
    ssl_root_cert: Option<String>,
}

impl Access {
    pub(super) fn name(&self) -> Name<'_> {
        Name { database: &self.database, host: &self.host, port: &self.port }
    }

    /// File of certificate authorities that a client needs, if any.
    pub(super) fn authorities(&self) -> Option<&Path> {
        self.ssl_root_cert.as_deref().map(Path::new)
    }

    /// Folder of the Unix socket, if the host is one.
    pub(super) fn socket(&self) -> Option<&str> {
        self.host.starts_with('/').then_some(self.host.as_str())
    }

    /// Environment variables for Postgres's programs.
    pub(super) fn variables(&self) -> Vec<(&'static str, &str)> {
        let Self { host, port, user, database, .. } = self;
        let mut variables: Vec<(_, &str)> =
            vec![("PGHOST", host), ("PGPORT", port), ("PGUSER", user), ("PGDATABASE", database)];
        variables.extend(self.password.as_deref().map(|password| ("PGPASSWORD", password)));
        variables.extend(self.ssl_mode.as_deref().map(|mode| ("PGSSLMODE", mode)));
        // A server trusts the system's authorities; these programs would look for a file in the home folder.
        let system = (self.ssl_mode.as_deref() == Some("verify-full")).then_some("system");
        let authorities = self.ssl_root_cert.as_deref().or(system);
        variables.extend(authorities.map(|file| ("PGSSLROOTCERT", file)));
        variables
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Vec<(&'static str, String)> {
        let access = Settings::for_test(pairs).unwrap().access().unwrap();
        access.variables().into_iter().map(|(name, value)| (name, value.to_owned())).collect()
    }

    #[test]
    fn a_database_is_named_by_its_host_or_a_url() {
        assert!(
            Settings::for_test(&[("PGPASSWORD", "x"), ("PGHOST", " "), ("REDIS_HOST", "redis")]).is_none()
        );
        let expected = [
            ("PGHOST", "db"),
            ("PGPORT", "5433"),
            ("PGUSER", "me"),
            ("PGDATABASE", "app"),
            ("PGPASSWORD", "p@"),
            ("PGSSLMODE", "verify-full"),
            ("PGSSLROOTCERT", "system"),
        ]
        .map(|(name, value)| (name, value.to_owned()));
        let url = [("CONNECTION_URL", "postgres://me:p%40@db:5433/app"), ("PGSSLMODE", "verify-full")];
        assert_eq!(variables(&url), expected);
        assert_eq!(variables(&expected.each_ref().map(|(name, value)| (*name, value.as_str()))), expected);
    }

    #[test]
    fn missing_settings_have_the_servers_defaults() {
        let expected =
            [("PGHOST", "db"), ("PGPORT", "5432"), ("PGUSER", "postgres"), ("PGDATABASE", "postgres")];
        assert_eq!(variables(&[("PGHOST", "db")]), expected.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn a_secret_may_be_in_a_file_but_must_not_be_given_twice() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        fs::write(&file, "from a file\n").unwrap();
        let file = [("PGHOST", "db"), ("PGPASSWORD_FILE", file.to_str().unwrap())];
        assert!(variables(&file).contains(&("PGPASSWORD", "from a file".to_owned())));
        let error =
            |pairs: &[(&str, &str)]| Settings::for_test(pairs).unwrap().access().err().unwrap().to_string();
        assert!(error(&[&file[..], &[("PGPASSWORD", "x")]].concat()).contains("both set"));
        assert!(error(&[("PGHOST", "db"), ("CONNECTION_URL", "postgres://db")]).contains("both set"));
    }
}
