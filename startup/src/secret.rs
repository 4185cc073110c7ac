//! Passwords and other secrets.

use std::{fmt, path::Path};

use crate::SettingsError;

/// A password or other secret; never shown, not even by `{:?}`.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret(String);

impl Secret {
    /// Wraps the text of a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns the secret from `variable` or from the file named by `{variable}_FILE`, which is how Docker
    /// and Kubernetes provide secrets. A newline at the end is removed, and a byte-order mark at the start.
    ///
    /// # Errors
    /// Fails if both are set, if the file cannot be read or is empty, or if the secret has more than one line.
    pub fn from_either(
        variable: &'static str,
        secret: Option<&Self>,
        file: Option<&Path>,
    ) -> Result<Option<Self>, SettingsError> {
        match (secret, file) {
            (Some(_), Some(_)) => Err(SettingsError::SecretTwice { variable }),
            (Some(secret), None) => secret.cleaned(variable).map(Some),
            (None, None) => Ok(None),
            (None, Some(path)) => {
                let (variable, path) = (format!("{variable}_FILE"), path.to_owned());
                let text = match std::fs::read_to_string(&path) {
                    Ok(text) => text,
                    Err(source) => return Err(SettingsError::File { variable, path, source }),
                };
                let secret = Self::new(text).cleaned(&variable)?;
                if secret.0.is_empty() {
                    return Err(SettingsError::EmptyFile { variable, path });
                }
                Ok(Some(secret))
            }
        }
    }

    /// Removes what editors and `echo` add. No password contains control characters, and a message about them would
    /// otherwise be one about the login.
    fn cleaned(&self, variable: &str) -> Result<Self, SettingsError> {
        let text = self.0.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']);
        if text.contains(char::is_control) {
            return Err(SettingsError::Refused(format!(
                "{variable} must be one line, without control characters"
            )));
        }
        Ok(Self::new(text))
    }
}

/// Value parser that accepts anything, so that no error ever quotes a secret.
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
    fn the_last_newline_of_a_secret_file_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, " p w \r\n").unwrap();
        let secret = Secret::from_either("PGPASSWORD", None, Some(&path)).unwrap();
        assert_eq!(secret.unwrap().expose(), " p w ");
    }

    #[test]
    fn what_editors_add_is_removed_and_several_lines_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "\u{feff}p w\r\n").unwrap();
        let secret = Secret::from_either("PGPASSWORD", None, Some(&path)).unwrap();
        assert_eq!(secret.unwrap().expose(), "p w");
        let given = Secret::new("p\n");
        let secret = Secret::from_either("PGPASSWORD", Some(&given), None).unwrap();
        assert_eq!(secret.unwrap().expose(), "p");
        std::fs::write(&path, "one\ntwo\n").unwrap();
        let error = Secret::from_either("PGPASSWORD", None, Some(&path)).unwrap_err().to_string();
        assert_eq!(error, "PGPASSWORD_FILE must be one line, without control characters");
    }

    #[test]
    fn setting_both_the_variable_and_the_file_is_refused() {
        let given = Secret::new("p");
        let error = Secret::from_either("PGPASSWORD", Some(&given), Some(Path::new("/x"))).unwrap_err();
        assert_eq!(error.to_string(), "PGPASSWORD and PGPASSWORD_FILE are both set: set one of them");
    }

    #[test]
    fn the_error_names_a_missing_or_empty_file_and_its_variable() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        let read = || Secret::from_either("PGPASSWORD", None, Some(&path)).unwrap_err().to_string();
        let missing = read();
        assert!(missing.starts_with("PGPASSWORD_FILE names /"), "{missing}");
        assert!(missing.contains("cannot be read: No such file"), "{missing}");
        std::fs::write(&path, "\n").unwrap();
        assert!(read().ends_with("which is empty"));
    }
}
