//! Waiting for something to become true.

use std::{fmt::Display, future::Future, time::Duration};

use tokio::time::{Instant, sleep};

/// Time limit for everything: generous, for a busy machine. Only a failing test waits this long.
pub const DEADLINE: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Polls until `check` succeeds, and returns its result.
///
/// # Panics
/// Panics if it has not succeeded within [`DEADLINE`]; the message contains what was expected and the last error.
pub async fn eventually<T, E: Display, F: Future<Output = Result<T, E>>>(
    expected: impl Display,
    mut check: impl FnMut() -> F,
) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        match check().await {
            Ok(found) => return found,
            Err(instead) if Instant::now() >= deadline => {
                panic!("expected within {DEADLINE:?}: {expected}\nlast result: {instead}")
            }
            Err(_) => sleep(POLL_INTERVAL).await,
        }
    }
}
