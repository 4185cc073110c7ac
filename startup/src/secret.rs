//! Passwords and the like.

use std::{fmt, path::Path};

use crate::SettingsError;

/// A password or the like: never shown, also not by `{:?}`.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(String);

impl Secret {
    /// Takes the secret text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for whoever really needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The secret from `variable` itself or from the file that `{variable}_FILE` names, as Docker and
    /// Kubernetes hand secrets out. An editor's newline at the end of the file is not part of it.
    ///
    /// # Errors
    /// Both are set, or the file can't be read or holds nothing.
    pub fn from_either(
        variable: &'static str,
        secret: Option<&Self>,
        file: Option<&Path>,
    ) -> Result<Option<Self>, SettingsError> {
        match (secret, file) {
            (Some(_), Some(_)) => Err(SettingsError::SecretTwice { variable }),
            (Some(secret), None) => Ok(Some(secret.clone())),
            (None, None) => Ok(None),
            (None, Some(path)) => {
                let (variable, path) = (format!("{variable}_FILE"), path.to_owned());
                let text = match std::fs::read_to_string(&path) {
                    Ok(text) => text,
                    Err(source) => return Err(SettingsError::File { variable, path, source }),
                };
                match text.trim_end_matches(['\r', '\n']) {
                    "" => Err(SettingsError::EmptyFile { variable, path }),
                    secret => Ok(Some(Self::new(secret))),
                }
            }
        }
    }
}

/// The value parser: takes anything, so that no message ever quotes a secret.
pub(crate) fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{:?}", Some(Secret::new("hunter2"))), "Some([redacted])");
    }

    #[test]
    fn a_file_gives_its_text_without_the_last_newline() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, " p w \r\n").unwrap();
        let secret = Secret::from_either("PGPASSWORD", None, Some(&path)).unwrap();
        assert_eq!(secret.unwrap().expose(), " p w ");
    }

    #[test]
    fn both_ways_at_once_are_refused() {
        let given = Secret::new("p");
        let error = Secret::from_either("PGPASSWORD", Some(&given), Some(Path::new("/x"))).unwrap_err();
        assert_eq!(error.to_string(), "PGPASSWORD and PGPASSWORD_FILE are both set: set one of them");
    }

    #[test]
    fn a_missing_or_empty_file_is_named_with_its_variable() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        let read = || Secret::from_either("PGPASSWORD", None, Some(&path)).unwrap_err().to_string();
        let missing = read();
        assert!(missing.starts_with("PGPASSWORD_FILE names /"), "{missing}");
        assert!(missing.contains("can't be read: No such file"), "{missing}");
        std::fs::write(&path, "\n").unwrap();
        assert!(read().ends_with("which is empty"));
    }
}
