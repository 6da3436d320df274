//! Graceful and immediate shutdown on signals.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The two stages of a shutdown. The default never stops by itself, as tests need.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// Cancelled to stop taking new work and finish work in flight.
    pub soft: CancellationToken,
    /// Cancelled to drop everything now. Follows `soft`.
    pub hard: CancellationToken,
}

/// Cancels `soft` on the first SIGTERM or SIGINT, and `hard` on the second.
///
/// # Panics
/// Panics outside a tokio runtime with I/O enabled, which is an error of the caller's `main`.
pub fn shutdown_on_signals() -> Shutdown {
    let listen = |kind| signal(kind).expect("main runs inside a runtime, and these signals can be caught");
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate()), listen(SignalKind::interrupt()));
    let shutdown = Shutdown::default();
    let tokens = shutdown.clone();
    tokio::spawn(async move {
        for (token, meaning) in [
            (tokens.soft, "stopping: finishing what is in flight, a second signal stops at once"),
            (tokens.hard, "stopping at once"),
        ] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("{meaning}");
            token.cancel();
        }
    });
    shutdown
}
