//! Shutdown signals.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit code after a second signal, as shells use for SIGINT.
const INTERRUPTED: i32 = 130;

/// Returns a token that the first SIGTERM or SIGINT cancels. A second one exits at once, for users who press
/// Ctrl-C again. Signals are handled from the moment this returns.
///
/// # Errors
/// Fails if the operating system refuses to install a handler.
pub fn on_signal() -> io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = CancellationToken::new();
    let token = stop.clone();
    // Runs as long as the process and needs no cleanup.
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        token.cancel();
        tracing::info!(signal = name, "received a signal; shutting down");
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::warn!("received a second signal; exiting at once");
        std::process::exit(INTERRUPTED);
    });
    Ok(stop)
}
