//! What is missing in a file, or better not there.

use std::{collections::BTreeMap, fmt, fs, os::unix::fs::PermissionsExt, path::Path};

use anyhow::{Context, Result};

use super::{Stack, template::Template};
use crate::{database, dotenv};

/// Passwords that everybody tries, among them those of this project's tests and development.
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
/// Shorter ones are guessed.
const PASSWORD_LENGTH: usize = 12;

/// Something about a variable, or the file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Problem {
    /// Needed, and not in the file.
    Missing { name: &'static str, instead: &'static str },
    /// Needed, and nothing.
    Empty { name: &'static str, instead: &'static str },
    /// One of them would do, and the programs refuse both.
    Both(&'static str, &'static str),
    /// A password that others guess.
    Weak(&'static str),
    /// In the file, and not in the template.
    Unknown(String),
    /// The file is not its owner's alone.
    Open,
}

impl Problem {
    /// Whether it keeps the stack from working, or lets others in.
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
            Self::Both(one, other) => write!(f, "{one}, {other}: both are set, and one of them may be"),
            Self::Weak(name) => {
                write!(f, "{name}: weak; a default, or shorter than {PASSWORD_LENGTH} characters")
            }
            Self::Unknown(name) => write!(f, "{name}: unknown; the stack does not read it"),
            Self::Open => write!(f, "the file can be read by others: chmod 600"),
        }
    }
}

/// What there is to say about a file.
pub(super) fn problems(stack: Stack, template: &Template, path: &Path) -> Result<Vec<Problem>> {
    let values: BTreeMap<_, _> = dotenv::read(path)?.into_iter().collect();
    let mut problems = Vec::new();
    if stack == Stack::Production {
        problems.extend(of_production(&values));
        let mode =
            fs::metadata(path).with_context(|| format!("look at {}", path.display()))?.permissions().mode();
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
    // Redis may be one that asks for none; a managed one talks TLS, and asks.
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
    fn what_is_needed_is_missed() {
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
    fn passwords_that_others_know_are_weak() {
        for password in ["postgres_password", "Password", "short"] {
            let text = format!("PGHOST=db\n{GOOD}PGPASSWORD={password}");
            assert!(production(&text)[0].starts_with("PGPASSWORD: weak"), "{password}");
            let url = format!("CONNECTION_URL=postgres://me:{password}@db/x\nREDIS_HOST=redis");
            assert!(production(&url)[0].starts_with("CONNECTION_URL: weak"), "{password}");
        }
    }

    #[test]
    fn what_the_programs_refuse_is_said_before() {
        let text = format!("PGHOST=db\n{GOOD}PGPASSWORD_FILE=/run/password");
        assert!(production(&text)[0].starts_with("PGPASSWORD, PGPASSWORD_FILE: both are set"));
    }

    #[test]
    fn a_file_of_production_is_its_owners_alone_and_has_no_strange_names() {
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
