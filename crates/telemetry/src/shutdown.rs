//! Being asked to stop, once politely and once not.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Two degrees of stopping. The default never stops by itself, which is what tests want.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// Take no new work, finish what is in flight.
    pub soft: CancellationToken,
    /// Drop everything now. Comes after `soft`.
    pub hard: CancellationToken,
}

/// The first SIGTERM or SIGINT cancels `soft`, the second `hard`.
///
/// # Panics
/// Outside a tokio runtime with I/O enabled, which is a mistake of the caller's `main`.
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
