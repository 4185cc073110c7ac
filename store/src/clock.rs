//! The current time.

use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the current time in microseconds since 1970-01-01 UTC.
#[must_use]
pub fn now_us() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX)
}
