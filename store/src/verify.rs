//! Verification of values: every value is verified before the Record or a client gets it.

use std::{sync::Arc, time::Duration};

use protocol::Index;

use crate::Store;

/// Returns true if a text is the correct value of an index. Must accept any index and any text without
/// panicking, and should be much cheaper than computing the value.
pub(crate) type Verify = Arc<dyn Fn(u32, &str) -> bool + Send + Sync>;

/// Estimates the duration of one verification.
pub(crate) type VerifyCost = fn(u32, &str) -> Duration;

/// Longest verification that runs on an async thread.
const INLINE: Duration = Duration::from_micros(20);

impl Store {
    /// Verifies a value, off the async threads if that takes long, and returns it either way: `Err` if
    /// wrong.
    pub(crate) async fn verified(&self, index: Index, value: String) -> Result<String, String> {
        let verify = Arc::clone(&self.verify);
        let inline = (self.verify_cost)(index.get(), &value) <= INLINE;
        let check = move || if is_correct(&verify, index.get(), &value) { Ok(value) } else { Err(value) };
        if inline {
            return check();
        }
        // A verification never panics, and the runtime outlives its tasks.
        tokio::task::spawn_blocking(check).await.unwrap_or_else(|_| Err(String::new()))
    }
}

/// PostgreSQL cannot store the character NUL, so no value contains it.
pub(crate) fn is_correct(verify: &Verify, index: u32, value: &str) -> bool {
    !value.contains('\0') && verify(index, value)
}
