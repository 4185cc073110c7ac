//! Problems of a file of variables.

use std::{collections::BTreeMap, fmt, fs, os::unix::fs::PermissionsExt, path::Path};

use anyhow::{Context, Result};

use super::{stack::Stack, template::Template};
use crate::{database, dotenv};

/// Well-known passwords, including those of this project's tests and development.
const DEFAULTS: &str = "123456 admin changeme fibstack password postgres postgres_password redis redis_password \
                        secret test throwaway";
/// Shorter passwords can be guessed.
const PASSWORD_LENGTH: usize = 12;

/// A problem of a variable or of the file.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Problem {
    text: String,
    /// True if it would break the stack or leave it open to others.
    pub(super) is_serious: bool,
}

impl Problem {
    fn serious(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_serious: true }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
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
        let is_open = mode & 0o077 != 0;
        problems.extend(is_open.then(|| Problem::serious("other users can read the file: chmod 600")));
    }
    let known = template.names();
    let unknown = values.into_keys().filter(|name| !known.contains(name.as_str()));
    problems.extend(
        unknown.map(|name| Problem {
            text: format!("{name}: unknown; the stack ignores it"),
            is_serious: false,
        }),
    );
    Ok(problems)
}

fn of_production(values: &BTreeMap<String, String>) -> Vec<Problem> {
    let get = |name: &str| values.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
    let has_any = |names: &[&str]| names.iter().any(|name| get(name).is_some());
    let mut problems = Vec::new();
    let mut need = |name: &str, others: &[&str]| {
        if get(name).is_none() && !has_any(others) {
            let state = if values.contains_key(name) { "empty" } else { "missing" };
            let instead = others.first().map(|other| format!(" (or {other})")).unwrap_or_default();
            problems.push(Problem::serious(format!("{name}: {state}{instead}")));
        }
    };
    let urls = ["CONNECTION_URL", "CONNECTION_URL_FILE"];
    need("PGHOST", &urls);
    if !has_any(&urls) {
        need("PGPASSWORD", &["PGPASSWORD_FILE"]);
    }
    need("REDIS_HOST", &[]);
    // A Redis without TLS may need no password; a managed one has TLS and needs it.
    if get("REDIS_TLS").is_some_and(|tls| matches!(tls, "true" | "1" | "yes" | "on")) {
        need("REDIS_PASSWORD", &["REDIS_PASSWORD_FILE"]);
    }
    for (one, other) in [
        ("PGHOST", "CONNECTION_URL"),
        ("CONNECTION_URL", "CONNECTION_URL_FILE"),
        ("PGPASSWORD", "PGPASSWORD_FILE"),
        ("REDIS_PASSWORD", "REDIS_PASSWORD_FILE"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS_FILE"),
    ] {
        if get(one).is_some() && get(other).is_some() {
            let text = format!("{one}, {other}: both are set; set only one of them");
            problems.push(Problem::serious(text));
        }
    }
    let passwords = [
        ("PGPASSWORD", get("PGPASSWORD").map(str::to_owned)),
        ("REDIS_PASSWORD", get("REDIS_PASSWORD").map(str::to_owned)),
        ("CONNECTION_URL", get("CONNECTION_URL").and_then(database::password_in)),
    ];
    for (name, password) in passwords {
        if password.is_some_and(|password| is_weak(&password)) {
            let text = format!("{name}: weak (well-known, or shorter than {PASSWORD_LENGTH} characters)");
            problems.push(Problem::serious(text));
        }
    }
    problems
}

fn is_weak(password: &str) -> bool {
    password.chars().count() < PASSWORD_LENGTH || DEFAULTS.split(' ').any(|it| it == password.to_lowercase())
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
        let found = |stack| {
            let problems = problems(stack, &template, &path).unwrap();
            problems.into_iter().map(|it| (it.text, it.is_serious)).collect::<Vec<_>>()
        };
        let open = ("other users can read the file: chmod 600".to_owned(), true);
        let unknown = ("PGHSOT: unknown; the stack ignores it".to_owned(), false);
        assert_eq!(found(Stack::Production), [open, unknown.clone()]);
        assert_eq!(found(Stack::Development), [unknown]);
    }
}
