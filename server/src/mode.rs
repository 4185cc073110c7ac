//! Chooses between embedded and stack mode.

use startup::SettingsError;

/// Location of the Record and the Board.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// In this process: SQLite and the in-process Board.
    Embedded,
    /// In Postgres and Redis.
    Stack,
}

impl Mode {
    /// Chooses the mode from the setting `EMBEDDED` and from which hosts are set. Setting only one of the two hosts is
    /// an error, so that a typo cannot silently start a second, empty data store.
    ///
    /// # Errors
    /// Fails with the name of the missing setting.
    pub(crate) fn choose(embedded: Option<bool>, postgres: bool, redis: bool) -> Result<Self, SettingsError> {
        let refuse = |why: &str| Err(SettingsError::Refused(why.to_owned()));
        match (embedded, postgres, redis) {
            (Some(true), _, _) | (None, false, false) => Ok(Self::Embedded),
            (_, true, true) => Ok(Self::Stack),
            (_, true, false) => refuse(
                "PGHOST (or CONNECTION_URL) is set but REDIS_HOST is not. Set both. To run everything \
                 in this process, set neither, or set EMBEDDED=true.",
            ),
            (_, false, true) => refuse(
                "REDIS_HOST is set but PGHOST (or CONNECTION_URL) is not. Set both. To run everything \
                 in this process, set neither, or set EMBEDDED=true.",
            ),
            (Some(false), false, false) => refuse(
                "EMBEDDED is false, but neither PGHOST (or CONNECTION_URL) nor REDIS_HOST is set. \
                 Set both hosts.",
            ),
        }
    }

    /// Returns the name of the Record in health responses.
    pub(crate) const fn record(self) -> &'static str {
        match self {
            Self::Embedded => "sqlite",
            Self::Stack => "postgres",
        }
    }

    /// Returns the name of the Board in health responses.
    pub(crate) const fn board(self) -> &'static str {
        match self {
            Self::Embedded => "in-process",
            Self::Stack => "redis",
        }
    }
}
