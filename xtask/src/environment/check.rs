//! Problems of a file of variables.

use std::{collections::BTreeMap, fmt, fs, os::unix::fs::PermissionsExt, path::Path};

use anyhow::{Context, Result};

use super::{stack::Stack, template::Template};
use crate::{database, dotenv};

/// Well-known passwords, including those of this project's tests and development.
const DEFAULTS: [&str; 12] = [
    "123456",
    "admin",
    "changeme",
    "fibstack",
    "password",
    "postgres",
    "postgres_password",
    "redis",
    "redis_password",
    "secret",
    "test",
    "throwaway",
];
/// Shorter passwords can be guessed.
const PASSWORD_LENGTH: usize = 12;

/// A problem of a variable or of the file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Problem {
    /// Required, but not in the file.
    Missing { name: &'static str, instead: &'static str },
    /// Required, but empty.
    Empty { name: &'static str, instead: &'static str },
    /// Mutually exclusive: the programs refuse both.
    Both(&'static str, &'static str),
    /// A password that can be guessed.
    Weak(&'static str),
    /// In the file, but not in the template.
    Unknown(String),
    /// Readable by other users.
    Open,
}

impl Problem {
    /// Returns true if it would break the stack or leave it open to others.
    pub(super) fn is_serious(&self) -> bool {
        !matches!(self, Self::Unknown(_))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or = |instead: &str| if instead.is_empty() { String::new() } else { format!(" (or {instead})") };
        match self {
            Self::Missing { name, instead } => write!(f, "{name}: missing{}", or(instead)),
            Self::Empty { name, instead } => write!(f, "{name}: empty{}", or(instead)),
            Self::Both(one, other) => write!(f, "{one}, {other}: both are set; set only one of them"),
            Self::Weak(name) => {
                write!(f, "{name}: weak (well-known, or shorter than {PASSWORD_LENGTH} characters)")
            }
            Self::Unknown(name) => write!(f, "{name}: unknown; the stack ignores it"),
            Self::Open => write!(f, "other users can read the file: chmod 600"),
        }
    }
}

/// Finds the problems of a file.
pub(super) fn problems(stack: Stack, template: &Template, path: &Path) -> Result<Vec<Problem>> {
    let values: BTreeMap<_, _> = dotenv::read(path)?.into_iter().collect();
    let mut problems = Vec::new();
    if stack == Stack::Production {
        problems.extend(of_production(&values));
        let mode = fs::metadata(path)
            .with_context(|| format!("failed to read the mode of {}", path.display()))?
            .permissions()
            .mode();
        problems.extend((mode & 0o077 != 0).then_some(Problem::Open));
    }
    let known = template.names();
    let unknown = values.into_keys().filter(|name| !known.contains(name.as_str()));
    problems.extend(unknown.map(Problem::Unknown));
    Ok(problems)
}

fn of_production(values: &BTreeMap<String, String>) -> Vec<Problem> {
    let get = |name: &str| values.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
    let has_any = |names: &[&str]| names.iter().any(|name| get(name).is_some());
    let mut problems = Vec::new();
    let mut need = |name: &'static str, others: &[&str], instead: &'static str| {
        if get(name).is_none() && !has_any(others) {
            problems.push(match values.get(name) {
                Some(_) => Problem::Empty { name, instead },
                None => Problem::Missing { name, instead },
            });
        }
    };
    need("PGHOST", &["CONNECTION_URL", "CONNECTION_URL_FILE"], "CONNECTION_URL");
    if !has_any(&["CONNECTION_URL", "CONNECTION_URL_FILE"]) {
        need("PGPASSWORD", &["PGPASSWORD_FILE"], "PGPASSWORD_FILE");
    }
    need("REDIS_HOST", &[], "");
    // A Redis without TLS may need no password; a managed one has TLS and needs it.
    if get("REDIS_TLS").is_some_and(|tls| matches!(tls, "true" | "1" | "yes" | "on")) {
        need("REDIS_PASSWORD", &["REDIS_PASSWORD_FILE"], "REDIS_PASSWORD_FILE");
    }
    for (one, other) in [
        ("PGHOST", "CONNECTION_URL"),
        ("CONNECTION_URL", "CONNECTION_URL_FILE"),
        ("PGPASSWORD", "PGPASSWORD_FILE"),
        ("REDIS_PASSWORD", "REDIS_PASSWORD_FILE"),
    ] {
        problems.extend((get(one).is_some() && get(other).is_some()).then_some(Problem::Both(one, other)));
    }
    let of_url = get("CONNECTION_URL").and_then(database::password_in);
    let passwords = [
        ("PGPASSWORD", get("PGPASSWORD").map(str::to_owned)),
        ("REDIS_PASSWORD", get("REDIS_PASSWORD").map(str::to_owned)),
        ("CONNECTION_URL", of_url),
    ];
    let weak = passwords.into_iter().filter(|(_, password)| password.as_deref().is_some_and(is_weak));
    problems.extend(weak.map(|(name, _)| Problem::Weak(name)));
    problems
}

fn is_weak(password: &str) -> bool {
    password.chars().count() < PASSWORD_LENGTH || DEFAULTS.contains(&password.to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn production(text: &str) -> Vec<String> {
        let values = text.lines().filter_map(dotenv::line).collect();
        of_production(&values).iter().map(ToString::to_string).collect()
    }

    const GOOD: &str = "PGPASSWORD=a-long-password\nREDIS_HOST=redis\n";

    #[test]
    fn missing_settings_are_reported() {
        assert_eq!(
            production("PGHOST="),
            [
                "PGHOST: empty (or CONNECTION_URL)",
                "PGPASSWORD: missing (or PGPASSWORD_FILE)",
                "REDIS_HOST: missing"
            ]
        );
        assert_eq!(production(&format!("PGHOST=db\n{GOOD}")), [""; 0]);
        assert_eq!(production("CONNECTION_URL_FILE=/run/url\nREDIS_HOST=redis"), [""; 0]);
        let tls = format!("PGHOST=db\n{GOOD}REDIS_TLS=true");
        assert_eq!(production(&tls), ["REDIS_PASSWORD: missing (or REDIS_PASSWORD_FILE)"]);
    }

    #[test]
    fn well_known_passwords_are_weak() {
        for password in ["postgres_password", "Password", "short"] {
            let text = format!("PGHOST=db\n{GOOD}PGPASSWORD={password}");
            assert!(production(&text)[0].starts_with("PGPASSWORD: weak"), "{password}");
            let url = format!("CONNECTION_URL=postgres://me:{password}@db/x\nREDIS_HOST=redis");
            assert!(production(&url)[0].starts_with("CONNECTION_URL: weak"), "{password}");
        }
    }

    #[test]
    fn settings_that_exclude_each_other_are_reported() {
        let text = format!("PGHOST=db\n{GOOD}PGPASSWORD_FILE=/run/password");
        assert!(production(&text)[0].starts_with("PGPASSWORD, PGPASSWORD_FILE: both are set"));
    }

    #[test]
    fn a_readable_file_and_unknown_names_are_reported() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        fs::write(&path, format!("PGHOST=db\n{GOOD}PGHSOT=db\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let template = Template::new("PGHOST=\nPGPASSWORD=\nREDIS_HOST=\n".to_owned());
        let found = problems(Stack::Production, &template, &path).unwrap();
        assert_eq!(found, [Problem::Open, Problem::Unknown("PGHSOT".to_owned())]);
        let in_development = problems(Stack::Development, &template, &path).unwrap();
        assert_eq!(in_development, [Problem::Unknown("PGHSOT".to_owned())]);
    }
}
