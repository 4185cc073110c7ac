//! Hearing that the process shall end.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The exit code of a process that was asked to end a second time, as shells have it for SIGINT.
const IMPATIENT: i32 = 130;

/// A token that is cancelled by the first SIGTERM or SIGINT. The second one ends the process at
/// once, for people who press Ctrl-C again. The signals are heard from the moment this returns.
///
/// # Errors
/// The operating system refused.
pub fn on_signal() -> io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = CancellationToken::new();
    let token = stop.clone();
    // Lives as long as the process: nothing is left to do for it when the runtime ends.
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        token.cancel();
        tracing::info!(signal = name, "stopping");
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::warn!("asked again: ending at once");
        std::process::exit(IMPATIENT);
    });
    Ok(stop)
}
