//! Waiting for something to become true.

use std::{fmt::Display, future::Future, time::Duration};

use tokio::time::{Instant, sleep};

/// How long anything may take: generous, for a busy machine. Only a failing test waits so long.
pub const DEADLINE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks again and again until `look` succeeds, and gives back what it found.
///
/// # Panics
/// It did not within [`DEADLINE`]: says what was expected and what came instead.
pub async fn eventually<T, E: Display, F: Future<Output = Result<T, E>>>(
    expected: impl Display,
    mut look: impl FnMut() -> F,
) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        match look().await {
            Ok(found) => return found,
            Err(instead) if Instant::now() >= deadline => {
                panic!("expected within {DEADLINE:?}: {expected}\nwhat came instead: {instead}")
            }
            Err(_) => sleep(LOOK_EVERY).await,
        }
    }
}
